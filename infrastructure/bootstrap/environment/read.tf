# ─── Reading ───
# What the provider asks for when it refreshes the stacks (tests/infra/bootstrap/operations.py), the states, and which
# commit is deployed. No object of a data bucket, and nothing that changes anything: a plan with this role takes no lock.

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "ReadStates"
    actions   = ["s3:GetObject"]
    resources = local.state_objects
  }

  statement {
    sid       = "DecryptStates"
    actions   = ["kms:Decrypt"]
    resources = ["${local.kms_arn}:key/*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = [local.state_alias]
    }
  }

  # What drift is looked for against. S3 names the bucket when it decrypts with a bucket key: no other bucket's objects.
  statement {
    sid       = "ReadDeployedCommit"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns.artifacts}/releases/deployed.json"]
  }

  statement {
    sid       = "DecryptDeployedCommit"
    actions   = ["kms:Decrypt"]
    resources = ["${local.kms_arn}:key/*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = [local.data_alias]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:s3:arn"
      values   = [local.bucket_arns.artifacts]
    }
  }

  # The states' bucket is among them.
  statement {
    sid = "ReadBuckets"
    actions = [
      "s3:GetAccelerateConfiguration",
      "s3:GetBucketAcl",
      "s3:GetBucketCORS",
      "s3:GetBucketLogging",
      "s3:GetBucketNotification",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketOwnershipControls",
      "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment",
      "s3:GetBucketTagging",
      "s3:GetBucketVersioning",
      "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
    ]
    resources = [local.buckets]
  }

  statement {
    sid = "ReadCatalog"
    actions = [
      "glue:GetDatabase",
      "glue:GetPartitionIndexes",
      "glue:GetTable",
      "glue:GetTableOptimizer",
    ]
    resources = local.glue_catalog
  }

  statement {
    sid       = "ReadJobs"
    actions   = ["glue:GetConnection", "glue:GetJob", "glue:GetTags"]
    resources = concat(local.glue_catalog, local.glue_named)
  }

  statement {
    sid = "ReadRoles"
    actions = [
      "iam:GetPolicy",
      "iam:GetPolicyVersion",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListPolicyVersions",
      "iam:ListRolePolicies",
    ]
    resources = ["${local.iam_arn}:policy/${local.names}", "${local.iam_arn}:role/${local.names}"]
  }

  statement {
    sid = "ReadKeys"
    actions = [
      "kms:DescribeKey",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListResourceTags",
    ]
    resources = ["${local.kms_arn}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Domain"
      values   = [var.domain_name]
    }
  }

  statement {
    sid = "ReadPipelines"
    actions = [
      "states:DescribeStateMachine",
      "states:ListStateMachineVersions",
      "states:ListTagsForResource",
    ]
    resources = ["${local.states_arn}:stateMachine:${local.names}"]
  }

  statement {
    sid = "ReadAlarms"
    actions = [
      "events:DescribeRule",
      "events:ListTagsForResource",
      "events:ListTargetsByRule",
      "sns:GetSubscriptionAttributes",
      "sns:GetTopicAttributes",
      "sns:ListTagsForResource",
    ]
    resources = concat(["${local.events_arn}:rule/${local.names}"], local.topics)
  }

  statement {
    sid       = "ReadSchedules"
    actions   = ["scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"]
    resources = local.schedules
  }

  statement {
    sid       = "ReadLogGroups"
    actions   = ["logs:ListTagsForResource"]
    resources = local.log_groups
  }

  # These have no resource types, or are asked without a name.
  statement {
    sid = "DescribeAll"
    actions = [
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeFlowLogs",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribePrefixLists",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroupRules",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcAttribute",
      "ec2:DescribeVpcEndpoints",
      "ec2:DescribeVpcs",
      "glue:GetSecurityConfiguration",
      "kms:ListAliases",
      "logs:DescribeLogGroups",
      "states:ValidateStateMachineDefinition",
    ]
    resources = ["*"]
  }
}
