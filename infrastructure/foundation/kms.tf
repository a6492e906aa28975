# ─── The Domain's Key ───
# One customer-managed key encrypts the data buckets, the logs and what Glue writes. Who may use it for S3 and
# Glue is decided by IAM: each project's roles get exactly the key's use.

data "aws_iam_policy_document" "data_lake_key" {
  statement {
    sid       = "AccountThroughIAM"
    actions   = ["kms:*"]
    resources = ["*"] # in a key's policy: this key

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  # A new key's tags and alias take up to five minutes to count in IAM. What makes the key, and tables right after it,
  # does not wait for them. By the role's name, which need not be there: an account may be without GitHub Actions.
  # https://docs.aws.amazon.com/kms/latest/developerguide/abac.html
  statement {
    sid = "Deployment"
    actions = [
      "kms:CreateAlias",
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:EnableKeyRotation",
      "kms:Encrypt",
      "kms:GenerateDataKey*",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = ["arn:${local.partition}:iam::${local.account_id}:role/${var.domain_abbr}-deploy-${var.env}"]
    }
  }

  # CloudWatch Logs calls by itself, not through a role. The context holds it to the domain's log groups.
  statement {
    sid = "CloudWatchLogs"
    actions = [
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey*",
      "kms:ReEncrypt*",
    ]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.aws_region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values = [
        "${local.logs_arn}:log-group:${local.flow_log_group_name}",
        "${local.logs_arn}:log-group:/aws-glue/jobs*",
        "${local.logs_arn}:log-group:/aws/vendedlogs/states/${var.domain_abbr}-*-${var.env}",
      ]
    }
  }

  # EventBridge calls by itself, too, through SNS. A condition on the source would shut it out (it names none to an
  # encrypted topic); the context holds it to the domain's topic.
  # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
  statement {
    sid       = "EventBridge"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:sns:topicArn"
      values   = [local.alarms_topic_arn]
    }
  }
}

resource "aws_kms_key" "data_lake" {
  description             = "KMS key for ${var.domain_abbr} data lake encryption - ${var.env}"
  deletion_window_in_days = 30
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.data_lake_key.json
  tags                    = local.common_tags
}

# A replacement would make all data unreadable. The guard hangs on the key's id, as that of the log bucket does
# (docs/adr/0002): no plan that destroys or replaces the key is accepted.
resource "terraform_data" "destroy_guard" {
  count            = 1 # an address as in s3_bucket: who takes a domain down lifts all guards alike
  triggers_replace = aws_kms_key.data_lake.id

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "data_lake" {
  name          = "alias/${var.domain_abbr}-data-lake-${var.env}"
  target_key_id = aws_kms_key.data_lake.id
}
