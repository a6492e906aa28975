# ─── Permissions Boundary ───
# The most that any role of the domain can do in this environment: the two above, and all that Terraform makes with
# them. It grants nothing by itself. A role without it cannot be made, nor can it be taken off or changed.
# What jobs read beyond (another's buckets, a secret) stands in setup/external.json; who applies this module lets it in.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html

data "aws_iam_policy_document" "boundary" {
  statement {
    sid = "ServicesInTheRegion"
    actions = [
      "cloudwatch:PutMetricData",
      "ec2:*",
      "glue:*",
      "kms:*",
      "logs:*",
      "states:*",
      "xray:*",
    ]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.aws_region]
    }
  }

  statement {
    sid       = "DomainBuckets"
    actions   = ["s3:*"]
    resources = [local.buckets, "${local.buckets}/*"]
  }

  dynamic "statement" {
    for_each = length(var.external_buckets) > 0 ? [true] : []

    content {
      sid     = "ExternalBuckets"
      actions = ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"]
      resources = flatten([
        for each in values(var.external_buckets) : concat(
          ["arn:${var.partition}:s3:::${each.bucket}"],
          each.prefix == "" ? [] : ["arn:${var.partition}:s3:::${each.bucket}/${each.prefix}"],
          ["arn:${var.partition}:s3:::${join("/", compact([each.bucket, each.prefix, "*"]))}"],
        )
      ])
    }
  }

  dynamic "statement" {
    for_each = length(var.external_secrets) > 0 ? [true] : []

    content {
      sid       = "ExternalSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [for name in distinct(var.external_secrets) : "arn:${var.partition}:secretsmanager:${var.aws_region}:${var.account_id}:secret:${name}-??????"]
    }
  }

  statement {
    sid = "DomainIdentities"
    actions = [
      "iam:AttachRolePolicy",
      "iam:CreatePolicy*",
      "iam:CreateRole",
      "iam:DeletePolicy*",
      "iam:DeleteRole*",
      "iam:DetachRolePolicy",
      "iam:Get*",
      "iam:List*",
      "iam:PassRole",
      "iam:PutRole*",
      "iam:Tag*",
      "iam:Untag*",
      "iam:Update*Role*",
    ]
    resources = ["${local.iam_arn}:policy/${local.names}", "${local.iam_arn}:role/${local.names}"]
  }

  # ─── What Keeps It ───
  statement {
    sid    = "NoRoleWithoutIt"
    effect = "Deny"
    actions = [
      "iam:AttachRolePolicy",
      "iam:CreateRole",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
    ]
    resources = ["*"]

    condition {
      test     = "StringNotEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary_arn]
    }
  }

  statement {
    sid       = "NoTakingOff"
    effect    = "Deny"
    actions   = ["iam:DeleteRolePermissionsBoundary"]
    resources = ["*"]
  }

  statement {
    sid    = "NoChangeOfBootstrap"
    effect = "Deny"
    actions = [
      "iam:Attach*",
      "iam:Create*",
      "iam:Delete*",
      "iam:Detach*",
      "iam:PassRole",
      "iam:Put*",
      "iam:Set*",
      "iam:Tag*",
      "iam:Untag*",
      "iam:Update*",
    ]
    resources = local.own_arns
  }

  statement {
    sid    = "KeepStates"
    effect = "Deny"
    actions = [
      "s3:DeleteBucket*",
      "s3:DeleteObjectVersion*",
      "s3:PutBucket*",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ]
    resources = flatten([
      for purpose in ["tfstate", "tfstate-logs"] : [local.bucket_arns[purpose], "${local.bucket_arns[purpose]}/*"]
    ])
  }

  statement {
    sid    = "KeepStateKey"
    effect = "Deny"
    actions = [
      "kms:CreateAlias",
      "kms:CreateGrant",
      "kms:DeleteAlias",
      "kms:Disable*",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
    ]
    resources = ["*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = [local.state_alias]
    }
  }
}

resource "aws_iam_policy" "boundary" {
  name        = local.boundary_name
  description = "The most that any role of ${var.domain_name} can do in ${var.env}"
  policy      = data.aws_iam_policy_document.boundary.json
  tags        = var.tags
}
