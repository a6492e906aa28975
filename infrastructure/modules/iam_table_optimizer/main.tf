# ─── IAM Role of a Project's Table Optimizers ───
# What compaction, snapshot retention and orphan file deletion need on one project's Iceberg tables
# (https://docs.aws.amazon.com/glue/latest/dg/optimization-prerequisites.html), and nothing beside.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  glue_arn  = "arn:${local.partition}:glue:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"
  logs_arn  = "arn:${local.partition}:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"
}

# ─── Trust ───

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${local.glue_arn}:*"]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Run table optimizers of one project"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary_arn != "" ? var.permissions_boundary_arn : null
  tags                 = var.tags
}

# ─── Permissions ───

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "TableFiles"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = [for prefix in var.table_prefixes : "arn:${local.partition}:s3:::${prefix}${endswith(prefix, "*") ? "" : "/*"}"]
  }

  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket"]
    resources = [for bucket in distinct([for prefix in var.table_prefixes : split("/", prefix)[0]]) : "arn:${local.partition}:s3:::${bucket}"]
  }

  statement {
    sid     = "TableMetadata"
    actions = ["glue:GetTable", "glue:UpdateTable"]
    resources = concat(
      ["${local.glue_arn}:catalog"],
      distinct([for table in var.tables : "${local.glue_arn}:database/${split("/", table)[0]}"]),
      [for table in var.tables : "${local.glue_arn}:table/${table}"],
    )
  }

  statement {
    sid       = "DataLakeKey"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"]
    resources = [var.kms_key_arn]
  }

  statement {
    sid     = "OptimizerLogs"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [
      "${local.logs_arn}:log-group:/aws-glue/iceberg-compaction/logs:*",
      "${local.logs_arn}:log-group:/aws-glue/iceberg-orphan-file-deletion/logs:*",
      "${local.logs_arn}:log-group:/aws-glue/iceberg-retention/logs:*",
    ]
  }
}

resource "aws_iam_role_policy" "this" {
  # checkov:skip=CKV_AWS_290: checkov judges every policy "this" by the first it read, iam_glue_job's (control iam-no-wildcard-resource looks at each)
  # checkov:skip=CKV_AWS_355: as above
  name   = "table-optimizer"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.this.json
}
