# ─── Observability of Step Functions ───
# What every pipeline's role needs, whatever it runs: to deliver its log and to trace. The role itself, with the
# jobs that it may start, is each project's own (docs/adr/0001).

data "aws_iam_policy_document" "sfn_observability" {
  # Known exception (P0-03): to be narrowed later.
  statement {
    sid = "CloudWatchLogs"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }

  # X-Ray has no resources for these actions.
  statement {
    sid = "XRayTracing"
    actions = [
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "sfn_observability" {
  name        = "${var.domain_abbr}-sfn-observability-${var.env}"
  description = "Log delivery and tracing of the domain's state machines"
  policy      = data.aws_iam_policy_document.sfn_observability.json
  tags        = local.common_tags
}
