# ─── VPC ───
# Private: no internet gateway, no NAT, no route out. AWS services are reached through endpoints only.

resource "aws_vpc" "main" {
  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true # both are needed by the private names of the interface endpoints
  enable_dns_support   = true

  tags = merge(local.common_tags, {
    Name = "${var.domain_abbr}-vpc-${var.env}"
  })
}

# Without rules: whatever is put into the VPC without a security group reaches nothing.
resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id

  tags = merge(local.common_tags, {
    Name = "${var.domain_abbr}-default-unused-${var.env}"
  })
}

# ─── Flow Log ───

resource "aws_cloudwatch_log_group" "vpc_flow_logs" {
  # checkov:skip=CKV_AWS_338: P1-01 asks for 90 days; flow_log_retention_days takes more
  name              = local.flow_log_group_name
  kms_key_id        = aws_kms_key.data_lake.arn
  retention_in_days = var.flow_log_retention_days
  tags              = local.common_tags
}

data "aws_iam_policy_document" "vpc_flow_logs_assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }

    # Only for flow logs of this account: the service must not be talked into using the role for another's.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ec2:${var.aws_region}:${local.account_id}:vpc-flow-log/*"]
    }
  }
}

resource "aws_iam_role" "vpc_flow_logs" {
  name                 = "${var.domain_abbr}-vpc-flow-logs-${var.env}"
  description          = "Write the VPC's flow log to its log group"
  assume_role_policy   = data.aws_iam_policy_document.vpc_flow_logs_assume.json
  permissions_boundary = local.permissions_boundary_arn != "" ? local.permissions_boundary_arn : null
  tags                 = local.common_tags
}

# The group exists already, so creating groups is not among these.
data "aws_iam_policy_document" "vpc_flow_logs_permissions" {
  statement {
    sid = "WriteFlowLog"
    actions = [
      "logs:CreateLogStream",
      "logs:DescribeLogStreams",
      "logs:PutLogEvents",
    ]
    resources = [
      "${local.logs_arn}:log-group:${local.flow_log_group_name}",
      "${local.logs_arn}:log-group:${local.flow_log_group_name}:*",
    ]
  }

  # It has no resource type: a group's ARN never matches.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
  statement {
    sid       = "FindLogGroup"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "vpc_flow_logs" {
  name   = "${var.domain_abbr}-vpc-flow-logs-policy"
  role   = aws_iam_role.vpc_flow_logs.name
  policy = data.aws_iam_policy_document.vpc_flow_logs_permissions.json
}

resource "aws_flow_log" "main" {
  vpc_id               = aws_vpc.main.id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = "${local.logs_arn}:log-group:${aws_cloudwatch_log_group.vpc_flow_logs.name}"
  iam_role_arn         = "arn:${local.partition}:iam::${local.account_id}:role/${aws_iam_role.vpc_flow_logs.name}"

  tags = merge(local.common_tags, {
    Name = "${var.domain_abbr}-flow-log-${var.env}"
  })

  # The first delivery must not be refused.
  depends_on = [aws_iam_role_policy.vpc_flow_logs]
}
