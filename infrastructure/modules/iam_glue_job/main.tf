# ─── IAM Role of a Project's Glue Jobs ───
# What one project's jobs may do: run its scripts, read and write its own prefixes and tables, read what other
# projects share with it, and use the domain's key. All names come from inputs: every policy can be read in a plan.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  glue_arn  = "arn:${local.partition}:glue:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"
  logs_arn  = "arn:${local.partition}:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"

  # The prefix itself, too: S3A asks for it as if it were an object when it looks for a directory.
  read_objects  = flatten([for prefix in concat(var.read_prefixes, var.write_prefixes) : ["arn:${local.partition}:s3:::${prefix}", "arn:${local.partition}:s3:::${prefix}/*"]])
  write_objects = flatten([for prefix in var.write_prefixes : ["arn:${local.partition}:s3:::${prefix}", "arn:${local.partition}:s3:::${prefix}/*"]])
  buckets       = distinct([for prefix in concat(var.read_prefixes, var.write_prefixes) : split("/", prefix)[0]])

  own_catalog = concat(
    ["${local.glue_arn}:catalog"],
    distinct([for table in var.write_tables : "${local.glue_arn}:database/${split("/", table)[0]}"]),
    [for table in var.write_tables : "${local.glue_arn}:table/${table}"],
  )
  read_catalog_actions = [
    "glue:BatchGetPartition",
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:GetTables",
  ]

  # What others share, in policies of their own, each within its quota of 6,144 characters: 5,000 for the ARNs.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  shared = [
    for each in var.shared_tables : {
      database = "${local.glue_arn}:database/${split("/", each.table)[0]}"
      objects  = endswith(each.prefix, "*") ? ["arn:${local.partition}:s3:::${each.prefix}"] : ["arn:${local.partition}:s3:::${each.prefix}", "arn:${local.partition}:s3:::${each.prefix}/*"]
      table    = "${local.glue_arn}:table/${each.table}"
    }
  ]
  longest = max(1, [for each in local.shared : length(jsonencode([each.objects, each.table]))]...)
  shared_policies = {
    for number, tables in chunklist(local.shared, max(1, floor(5000 / local.longest))) : tostring(number + 1) => tables
  }
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
  description          = "Run Glue jobs of one project"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary_arn != "" ? var.permissions_boundary_arn : null
  tags                 = var.tags
}

# ─── Permissions ───

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "ReadObjects"
    actions   = ["s3:GetObject"]
    resources = local.read_objects
  }

  # No condition on s3:prefix: without ListBucket, a GET of a missing key answers 403 instead of 404, and both
  # S3A and Iceberg's S3FileIO depend on the 404.
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [for bucket in local.buckets : "arn:${local.partition}:s3:::${bucket}"]
  }

  statement {
    sid       = "WriteObjects"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = local.write_objects
  }

  statement {
    sid       = "ReadCatalog"
    actions   = local.read_catalog_actions
    resources = local.own_catalog
  }

  # Tables are made by Terraform: a job commits to them and adds partitions, no more.
  dynamic "statement" {
    for_each = length(var.write_tables) > 0 ? [local.own_catalog] : []

    content {
      sid = "WriteCatalog"
      actions = [
        "glue:BatchCreatePartition",
        "glue:CreatePartition",
        "glue:UpdatePartition",
        "glue:UpdateTable",
      ]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.job_names) > 0 ? [var.job_names] : []

    content {
      sid       = "JobBookmarks"
      actions   = ["glue:UpdateJobBookmark"]
      resources = [for name in statement.value : "${local.glue_arn}:job/${name}"]
    }
  }

  # These have no resource type: a job's ARN never matches.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
  dynamic "statement" {
    for_each = length(var.job_names) > 0 ? [true] : []

    content {
      sid       = "ReadJobBookmarks"
      actions   = ["glue:GetJobBookmark", "glue:ResetJobBookmark"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.connection_names) > 0 ? [var.connection_names] : []

    content {
      sid       = "NetworkConnections"
      actions   = ["glue:GetConnection"]
      resources = concat(["${local.glue_arn}:catalog"], [for name in statement.value : "${local.glue_arn}:connection/${name}"])
    }
  }

  statement {
    sid       = "DataLakeKey"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"]
    resources = [var.kms_key_arn]
  }

  # ─── Outside the Domain ───
  dynamic "statement" {
    for_each = length(var.external_reads) > 0 ? [true] : []

    content {
      sid     = "ReadExternalObjects"
      actions = ["s3:GetObject"]
      resources = flatten([
        for each in var.external_reads : concat(
          each.prefix == "" ? [] : ["arn:${local.partition}:s3:::${each.bucket}/${each.prefix}"],
          ["arn:${local.partition}:s3:::${join("/", compact([each.bucket, each.prefix, "*"]))}"],
        )
      ])
    }
  }

  # A prefix that is asked for must be the named one. IfExists, because a GET of a missing key asks for none: without
  # this right it answers 403 instead of the 404 that S3A depends on.
  dynamic "statement" {
    for_each = var.external_reads

    content {
      sid       = "ListExternalBucket${statement.key}"
      actions   = ["s3:ListBucket"]
      resources = ["arn:${local.partition}:s3:::${statement.value.bucket}"]

      dynamic "condition" {
        for_each = statement.value.prefix == "" ? [] : [statement.value.prefix]

        content {
          test     = "StringLikeIfExists"
          variable = "s3:prefix"
          values   = [condition.value, "${condition.value}/*"]
        }
      }
    }
  }

  # Secrets Manager puts six characters of its own behind a name.
  dynamic "statement" {
    for_each = length(var.secret_names) > 0 ? [true] : []

    content {
      sid       = "ReadSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [for name in var.secret_names : "arn:${local.partition}:secretsmanager:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:secret:${name}-??????"]
    }
  }

  dynamic "statement" {
    for_each = var.external_keys

    content {
      sid       = "ExternalKey${statement.key}"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["${statement.value.service}.${data.aws_region.current.name}.amazonaws.com"]
      }
    }
  }

  # Known exception (P0-03): to be limited to the VPC's subnets later.
  statement {
    sid = "EC2NetworkAccess"
    actions = [
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcAttribute",
      "ec2:DescribeVpcEndpoints",
    ]
    resources = ["*"]
  }

  # Glue tags the network interfaces that it makes, and finds them again by these tags.
  statement {
    sid       = "TagNetworkInterfaces"
    actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
    resources = ["arn:${local.partition}:ec2:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:network-interface/*"]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["aws-glue-service-resource"]
    }
  }

  statement {
    sid       = "JobLogs"
    actions   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.logs_arn}:log-group:/aws-glue/jobs*"]
  }

  # PutMetricData has no resources; the namespace is what it can be held to.
  statement {
    sid       = "JobMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["Glue"]
    }
  }
}

resource "aws_iam_role_policy" "this" {
  # checkov:skip=CKV_AWS_290: EC2NetworkAccess and CloudWatch metrics, the exceptions of P0-03 (control iam-no-wildcard-resource)
  # checkov:skip=CKV_AWS_355: as above
  name   = "glue-job"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.this.json
}

# ─── What Others Share ───

data "aws_iam_policy_document" "shared" {
  for_each = local.shared_policies

  statement {
    sid       = "ReadSharedObjects"
    actions   = ["s3:GetObject"]
    resources = flatten(each.value[*].objects)
  }

  statement {
    sid       = "ReadSharedCatalog"
    actions   = local.read_catalog_actions
    resources = concat(["${local.glue_arn}:catalog"], distinct(each.value[*].database), each.value[*].table)
  }
}

resource "aws_iam_policy" "shared" {
  for_each = local.shared_policies

  name        = replace(var.name, "/-([a-z]+)$/", "-shared-${each.key}-$1")
  description = "Read tables of other projects: ${var.name}, ${each.key} of ${length(local.shared_policies)}"
  policy      = data.aws_iam_policy_document.shared[each.key].json
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "shared" {
  for_each = aws_iam_policy.shared

  role       = aws_iam_role.this.name
  policy_arn = "arn:${local.partition}:iam::${data.aws_caller_identity.current.account_id}:policy/${each.value.name}"
}
