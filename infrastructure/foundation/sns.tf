# ─── Alarms ───
# One topic for the whole domain: who subscribes hears of every execution that did not succeed (each project's rule is
# in modules/project/alarms.tf).

data "aws_iam_policy_document" "alarms" {
  # Without a condition on the source: EventBridge names none to SNS, so one that asks for it lets no event through.
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html
  statement {
    sid       = "EventBridge"
    actions   = ["sns:Publish"]
    resources = [local.alarms_topic_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  statement {
    sid       = "DenyPlainHTTP"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.alarms_topic_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic" "alarms" {
  name              = local.alarms_topic_name
  display_name      = "${var.domain_name} ${var.env}"
  kms_master_key_id = aws_kms_key.data_lake.arn
  tags              = local.common_tags
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = { for each in var.alarm_subscribers : "${each.protocol}/${each.endpoint}" => each }

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = each.value.protocol
  endpoint  = each.value.endpoint
}
