# ─── Permissions Boundary ───
# The most that any role of the domain can do in this environment: the two above, and all that Terraform makes with
# them. It grants nothing by itself. A role without it cannot be made, nor can it be taken off or changed.
# What jobs need beyond (another domain's buckets, a secret) has to be added here, by whom applies this module.
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
