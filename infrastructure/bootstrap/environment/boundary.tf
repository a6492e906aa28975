# ─── Permissions Boundary ───
# The most that any role of the domain can do in this environment: the two above, and all that Terraform makes with
# them. It grants nothing by itself. A role without it cannot be made, nor can it be taken off or changed.
# What jobs read beyond (another's buckets, a secret) stands in setup/external.json; who applies this module lets it in.
# A managed policy has a quota of 6,144 characters (control iam-policy-quota): hence the wildcards in actions.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html

locals {
  # What has a name, in any Region (above, one is allowed alone): of this domain and environment, or of others as setup/external.json says.
  named = concat(
    [
      local.buckets,
      "${local.buckets}/*",
      # roles, policies, rules, groups of schedules, jobs, connections, and log groups below /aws/
      "arn:${var.partition}:*:*:${var.account_id}:*/${local.names}",
      "arn:${var.partition}:logs:*:${var.account_id}:log-group:*/${local.names}:*",
      "arn:${var.partition}:scheduler:*:${var.account_id}:schedule/${local.names}/*",
      "arn:${var.partition}:sns:*:${var.account_id}:${local.names}",
      "arn:${var.partition}:sns:*:${var.account_id}:${local.names}:*",
      "arn:${var.partition}:states:*:${var.account_id}:stateMachine:${local.names}",
      "arn:${var.partition}:states:*:${var.account_id}:execution:${local.names}:*",
      "arn:${var.partition}:logs:*:${var.account_id}:log-group:/aws-glue/*", # of the whole account: Glue shares them
      "arn:${var.partition}:logs:*:${var.account_id}:log-group:/aws/vpc/${var.domain_abbr}-vpc-${var.env}/*",
      "arn:${var.partition}:glue:*:${var.account_id}:catalog",
      "arn:${var.partition}:glue:*:${var.account_id}:*/${var.domain_abbr}_*_${var.env}",
      "arn:${var.partition}:glue:*:${var.account_id}:*/${var.domain_abbr}_*_${var.env}/*",
    ],
    local.outside,
  )
  outside = concat(
    flatten([
      for each in values(var.external_buckets) : concat(
        ["arn:${var.partition}:s3:::${each.bucket}"],
        each.prefix == "" ? [] : ["arn:${var.partition}:s3:::${each.bucket}/${each.prefix}"],
        ["arn:${var.partition}:s3:::${join("/", compact([each.bucket, each.prefix, "*"]))}"],
      )
    ]),
    [for name in distinct(var.external_secrets) : "arn:${var.partition}:secretsmanager:${var.aws_region}:${var.account_id}:secret:${name}-??????"],
  )
  # As the end of an ARN: whoever has this boundary is of this account.
  deployments = { for purpose, name in local.role_names : purpose => "*:role/${name}" }
  own_tags    = { Domain = var.domain_name, Environment = var.env }
}

data "aws_iam_policy_document" "boundary" {
  statement {
    sid       = "OneRegion"
    actions   = ["cloudwatch:PutMetricData", "ec2:*", "events:*", "glue:*", "kms:*", "logs:*", "s3:*", "scheduler:*", "secretsmanager:GetSecretValue", "sns:*", "states:*", "xray:*"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.aws_region]
    }
  }

  statement {
    sid       = "DomainIdentities"
    actions   = ["iam:*Polic*", "iam:*Role*", "iam:*InstanceProfilesForRole"]
    resources = ["${local.iam_arn}:policy/${local.names}", "${local.iam_arn}:role/${local.names}"]
  }

  # An interface endpoint with private DNS; Route 53 is in no Region.
  statement {
    sid       = "PrivateDNS"
    actions   = ["route53:AssociateVPCWithHostedZone"]
    resources = ["arn:${var.partition}:route53:::hostedzone/*", "${local.ec2_arn}:vpc/*"]
  }

  # ─── Names ───
  # Not what has no name: the network and keys (by their tags, below), and what is asked of no resource.
  statement {
    sid    = "OtherNames"
    effect = "Deny"
    not_actions = [
      "cloudwatch:*",
      "ec2:*",
      "glue:*JobBookmark",
      "glue:*SecurityConfiguration*",
      "kms:*",
      "logs:*Deliver*",
      "logs:*ResourcePolic*",
      "logs:DescribeLogGroups",
      "route53:*",
      "states:Validate*",
      "xray:*",
    ]
    not_resources = local.named
  }

  # ─── What Jobs and Pipelines Do ───
  # Every role but the two of GitHub Actions: whoever assumes it can do no more than a job, a pipeline, an optimizer or
  # the flow log does.
  statement {
    sid    = "DeploymentsAlone"
    effect = "Deny"
    not_actions = [
      "cloudwatch:*",
      "ec2:*NetworkInterface",
      "ec2:*Tags",
      "ec2:Describe*",
      "glue:*Bookmark",
      "glue:*JobRun*",
      "glue:*Partition*",
      "glue:Get*",
      "glue:UpdateTable",
      "kms:*crypt",
      "kms:DescribeKey",
      "kms:GenerateDataKey*",
      "logs:*Deliver*",
      "logs:AssociateKmsKey",
      "logs:CreateLog*",
      "logs:Describe*",
      "logs:PutLogEvents",
      "logs:PutResourcePolicy",
      "s3:*Object",
      "s3:AbortMultipartUpload",
      "s3:GetBucketLocation",
      "s3:List*",
      "secretsmanager:*",
      "states:*Execution*",
      "xray:*",
    ]
    resources = ["*"]

    condition {
      test     = "StringNotLike"
      variable = "aws:PrincipalArn"
      values   = values(local.deployments)
    }
  }

  # The states of Terraform, the code of jobs, and tags: what a deployment goes by.
  statement {
    sid     = "StatesAndCode"
    effect  = "Deny"
    actions = ["ec2:*Tags", "s3:Delete*", "s3:Put*"]
    not_resources = concat(
      ["${local.ec2_arn}:network-interface/*"],
      flatten([for purpose in ["raw", "refined", "curated"] : ["${local.bucket_arns[purpose]}/*"]]),
      ["${local.bucket_arns.artifacts}/temp/*"],
    )

    condition {
      test     = "StringNotLike"
      variable = "aws:PrincipalArn"
      values   = [local.deployments.deploy]
    }
  }

  statement {
    sid       = "ReadStates"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["${local.bucket_arns.tfstate}*"]

    condition {
      test     = "StringNotLike"
      variable = "aws:PrincipalArn"
      values   = values(local.deployments)
    }
  }

  # ─── Tags ───
  # What is tagged as another's. A new key's tags take up to five minutes to count: until then it has none, and may
  # be finished (docs/adr/0042).
  dynamic "statement" {
    for_each = local.own_tags

    content {
      sid         = "Other${statement.key}"
      effect      = "Deny"
      not_actions = ["ec2:Describe*", "iam:*", "kms:*crypt", "kms:DescribeKey", "kms:GenerateDataKey*", "s3:*", "secretsmanager:*"]
      resources   = ["*"]

      condition {
        test     = "Null"
        variable = "aws:ResourceTag/${statement.key}"
        values   = ["false"]
      }

      condition {
        test     = "StringNotEquals"
        variable = "aws:ResourceTag/${statement.key}"
        values   = [statement.value]
      }
    }
  }

  # Others' keys decrypt what is read of others, through the service that holds it. They encrypt nothing.
  dynamic "statement" {
    for_each = local.own_tags

    content {
      sid       = "Use${statement.key}"
      effect    = "Deny"
      actions   = ["kms:*crypt", "kms:GenerateDataKey*"]
      resources = ["*"]

      condition {
        test     = "StringNotEquals"
        variable = "aws:ResourceTag/${statement.key}"
        values   = [statement.value]
      }

      condition {
        test     = "StringNotEquals"
        variable = "kms:ViaService"
        values   = [for service in ["s3", "secretsmanager"] : "${service}.${var.aws_region}.amazonaws.com"]
      }
    }
  }

  statement {
    sid       = "EncryptByOwnKeys"
    effect    = "Deny"
    actions   = ["kms:Encrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    condition {
      test     = "StringNotEquals"
      variable = "aws:ResourceTag/Environment"
      values   = [var.env]
    }

    condition {
      test     = "StringNotLike"
      variable = "aws:PrincipalArn"
      values   = [local.deployments.deploy]
    }
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
    sid         = "NoChangeOfBootstrap"
    effect      = "Deny"
    not_actions = ["iam:Get*", "iam:List*"]
    resources   = local.own_arns
  }

  statement {
    sid    = "KeepStates"
    effect = "Deny"
    actions = [
      "s3:DeleteBucket*",
      "s3:DeleteObjectVersion*",
      "s3:Put*Configuration",
      "s3:PutBucket*",
    ]
    resources = ["arn:${var.partition}:s3:::${var.domain_abbr}-tfstate-*"]
  }

  statement {
    sid    = "KeepStateKey"
    effect = "Deny"
    actions = [
      "kms:*Alias",
      "kms:*Grant",
      "kms:*agResource",
      "kms:Disable*",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
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
