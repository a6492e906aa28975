# ─── Data and Jobs ───
# By name where a service knows names, by the tag Domain where it does not. What is read before and after stands in
# read.tf.

data "aws_iam_policy_document" "deploy_data" {
  statement {
    sid       = "WriteStates"
    actions   = ["s3:PutObject"]
    resources = flatten([for object in local.state_objects : [object, "${object}.tflock"]])
  }

  statement {
    sid       = "ReleaseLocks"
    actions   = ["s3:DeleteObject", "s3:GetObject"]
    resources = [for object in local.state_objects : "${object}.tflock"]
  }

  statement {
    sid       = "UseKeys"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"]
    resources = ["${local.kms_arn}:key/*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = [local.data_alias, local.state_alias]
    }
  }

  statement {
    sid       = "UploadArtifacts"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [for prefix in ["jobs", "releases", "wheels"] : "${local.bucket_arns.artifacts}/${prefix}/*"]
  }

  # Glue writes a new Iceberg table's first metadata with the rights of who asks for the table.
  statement {
    sid       = "CreateIcebergTables"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [for layer in ["curated", "refined"] : "${local.bucket_arns[layer]}/*/metadata/*"]
  }

  statement {
    sid = "ChangeBuckets"
    actions = [
      "s3:CreateBucket",
      "s3:DeleteBucket",
      "s3:DeleteBucketPolicy",
      "s3:PutBucketLogging",
      "s3:PutBucketNotification",
      "s3:PutBucketOwnershipControls",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ]
    resources = [local.buckets]
  }

  statement {
    sid = "ChangeCatalog"
    actions = [
      "glue:CreateDatabase",
      "glue:CreateTable",
      "glue:CreateTableOptimizer",
      "glue:DeleteDatabase",
      "glue:DeleteTable",
      "glue:DeleteTableOptimizer",
      "glue:TagResource",
      "glue:UntagResource",
      "glue:UpdateDatabase",
      "glue:UpdateTable",
      "glue:UpdateTableOptimizer",
    ]
    resources = local.glue_catalog
  }

  statement {
    sid = "ChangeJobs"
    actions = [
      "glue:CreateConnection",
      "glue:CreateJob",
      "glue:DeleteConnection",
      "glue:DeleteJob",
      "glue:TagResource",
      "glue:UntagResource",
      "glue:UpdateConnection",
      "glue:UpdateJob",
    ]
    resources = concat(["${local.glue_arn}:catalog"], local.glue_named)
  }

  # These have no resource type.
  statement {
    sid       = "SecurityConfigurations"
    actions   = ["glue:CreateSecurityConfiguration", "glue:DeleteSecurityConfiguration"]
    resources = ["*"]
  }

  statement {
    sid = "ChangeLogGroups"
    actions = [
      "logs:AssociateKmsKey",
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:DeleteRetentionPolicy",
      "logs:DisassociateKmsKey",
      "logs:PutRetentionPolicy",
      "logs:TagResource",
      "logs:UntagResource",
    ]
    resources = flatten([for group in local.log_groups : [group, "${group}:*"]])
  }

  # Who makes a state machine or a flow log that writes to CloudWatch needs them, without resources.
  statement {
    sid = "CloudWatchLogs"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }

  # ─── Keys ───
  # A key has no name; what it is made with and has later is the tag.
  statement {
    sid       = "CreateKeys"
    actions   = ["kms:CreateKey", "kms:TagResource"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Domain"
      values   = [var.domain_name]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Environment"
      values   = [var.env]
    }

    # Not one that is there: a tag must not make another's key this domain's.
    condition {
      test     = "Null"
      variable = "aws:ResourceTag/Domain"
      values   = ["true"]
    }
  }

  statement {
    sid = "ChangeKeys"
    actions = [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DisableKeyRotation",
      "kms:EnableKeyRotation",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]
    resources = ["${local.kms_arn}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Domain"
      values   = [var.domain_name]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Environment"
      values   = [var.env]
    }
  }

  statement {
    sid       = "NameKeys"
    actions   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
    resources = ["${local.kms_arn}:${local.data_alias}"]
  }
}

# ─── Pipelines, and the Roles of Jobs and Pipelines ───
# What starts and watches pipelines stands here because the policy above is at IAM's quota. Every role made here carries
# the boundary, which refuses any other (boundary.tf): none can do more than the role that made it.

data "aws_iam_policy_document" "deploy_identity" {
  statement {
    sid = "ChangePipelines"
    actions = [
      "states:CreateStateMachine",
      "states:DeleteStateMachine",
      "states:TagResource",
      "states:UntagResource",
      "states:UpdateStateMachine",
    ]
    resources = ["${local.states_arn}:stateMachine:${local.names}"]
  }

  statement {
    sid = "ChangeAlarms"
    actions = [
      "events:DeleteRule",
      "events:PutRule",
      "events:PutTargets",
      "events:RemoveTargets",
      "events:TagResource",
      "events:UntagResource",
      "sns:CreateTopic",
      "sns:DeleteTopic",
      "sns:SetSubscriptionAttributes",
      "sns:SetTopicAttributes",
      "sns:Subscribe",
      "sns:TagResource",
      "sns:Unsubscribe",
      "sns:UntagResource",
    ]
    resources = concat(["${local.events_arn}:rule/${local.names}"], local.topics)
  }

  statement {
    sid = "ChangeSchedules"
    actions = [
      "scheduler:CreateSchedule",
      "scheduler:CreateScheduleGroup",
      "scheduler:DeleteSchedule",
      "scheduler:DeleteScheduleGroup",
      "scheduler:TagResource",
      "scheduler:UntagResource",
      "scheduler:UpdateSchedule",
    ]
    resources = local.schedules
  }

  statement {
    sid = "ChangeRoles"
    actions = [
      "iam:AttachRolePolicy",
      "iam:CreateRole",
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:DetachRolePolicy",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
    ]
    resources = ["${local.iam_arn}:role/${local.names}"]
  }

  statement {
    sid = "ChangePolicies"
    actions = [
      "iam:CreatePolicy",
      "iam:CreatePolicyVersion",
      "iam:DeletePolicy",
      "iam:DeletePolicyVersion",
      "iam:TagPolicy",
      "iam:UntagPolicy",
    ]
    resources = ["${local.iam_arn}:policy/${local.names}"]
  }

  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = ["${local.iam_arn}:role/${local.names}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["events.amazonaws.com", "glue.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com", "vpc-flow-logs.amazonaws.com"]
    }
  }
}

# ─── Network ───

locals {
  # Each action with the type that it makes: a tag in the request must not open another's VPC or group.
  made_by = {
    AuthorizeSecurityGroupEgress  = "security-group-rule"
    AuthorizeSecurityGroupIngress = "security-group-rule"
    CreateFlowLogs                = "vpc-flow-log"
    CreateRouteTable              = "route-table"
    CreateSecurityGroup           = "security-group"
    CreateSubnet                  = "subnet"
    CreateVpc                     = "vpc"
    CreateVpcEndpoint             = "vpc-endpoint"
  }
}

data "aws_iam_policy_document" "deploy_network" {
  # What is made carries the domain's tags …
  dynamic "statement" {
    for_each = local.made_by

    content {
      sid       = statement.key
      actions   = ["ec2:${statement.key}"]
      resources = ["${local.ec2_arn}:${statement.value}/*"]

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/Domain"
        values   = [var.domain_name]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/Environment"
        values   = [var.env]
      }
    }
  }

  # … and what it is made in, changed or removed has them.
  statement {
    sid = "ChangeTagged"
    actions = concat([for action in keys(local.made_by) : "ec2:${action}"], [
      "ec2:AssociateRouteTable",
      "ec2:CreateTags",
      "ec2:DeleteFlowLogs",
      "ec2:DeleteRouteTable",
      "ec2:DeleteSecurityGroup",
      "ec2:DeleteSubnet",
      "ec2:DeleteTags",
      "ec2:DeleteVpc",
      "ec2:DeleteVpcEndpoints",
      "ec2:DisassociateRouteTable",
      "ec2:ModifySecurityGroupRules",
      "ec2:ModifySubnetAttribute",
      "ec2:ModifyVpcAttribute",
      "ec2:ModifyVpcEndpoint",
      "ec2:ReplaceRouteTableAssociation",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:RevokeSecurityGroupIngress",
    ])
    resources = [for kind in distinct(values(local.made_by)) : "${local.ec2_arn}:${kind}/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Domain"
      values   = [var.domain_name]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Environment"
      values   = [var.env]
    }
  }

  # An interface endpoint with private DNS associates a hosted zone, which is AWS's own, with the VPC.
  statement {
    sid       = "PrivateDNS"
    actions   = ["route53:AssociateVPCWithHostedZone"]
    resources = ["arn:${var.partition}:route53:::hostedzone/*", "${local.ec2_arn}:vpc/*"]
  }

  statement {
    sid       = "TagWhatIsMade"
    actions   = ["ec2:CreateTags"]
    resources = ["${local.ec2_arn}:*/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = keys(local.made_by)
    }
  }

  # A VPC's default security group comes without tags. Terraform tags it first, and empties it then.
  statement {
    sid       = "TagDefaultGroup"
    actions   = ["ec2:CreateTags"]
    resources = ["${local.ec2_arn}:security-group/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Domain"
      values   = [var.domain_name]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Environment"
      values   = [var.env]
    }

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/Domain"
      values   = ["true"]
    }
  }
}
