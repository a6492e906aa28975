# ─── Roles of GitHub Actions ───
# `deploy` applies and uploads; `plan` reads, for pull requests. GitHub's token is exchanged for an hour of either,
# if its subject is exactly one of the listed: a repository with an environment, a branch or the event.

locals {
  roles = {
    deploy = {
      description = "Deploy ${var.domain_name} to ${var.env} from GitHub Actions"
      policies    = ["deploy-data", "deploy-identity", "deploy-network", "read"]
      subjects    = var.deploy_subjects
    }
    plan = {
      description = "Plan changes of ${var.domain_name} in ${var.env} from GitHub Actions, reading only"
      policies    = ["read"]
      subjects    = var.plan_subjects
    }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  statement {
    sid     = "GitHubActions"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["${local.iam_arn}:oidc-provider/${var.issuer}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.issuer}:aud"
      values   = [var.audience]
    }

    condition {
      test     = "StringEquals"
      variable = "${var.issuer}:sub"
      values   = each.value.subjects
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name                 = local.role_names[each.key]
  description          = each.value.description
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600
  permissions_boundary = local.boundary_arn
  tags                 = var.tags

  # Not of the module as a whole: then no policy could be read in a plan.
  depends_on = [aws_iam_policy.boundary, var.made_before]
}

# ─── Their Policies ───

locals {
  policies = {
    deploy-data     = { description = "Make and change data and jobs", json = data.aws_iam_policy_document.deploy_data.json }
    deploy-identity = { description = "Make and change pipelines, what starts them, and the roles of all", json = data.aws_iam_policy_document.deploy_identity.json }
    deploy-network  = { description = "Make and change the network", json = data.aws_iam_policy_document.deploy_network.json }
    read            = { description = "Read what Terraform manages, and its states", json = data.aws_iam_policy_document.read.json }
  }
}

resource "aws_iam_policy" "this" {
  for_each = local.policies

  name        = local.policy_names[each.key]
  description = "${each.value.description}: ${var.domain_name}, ${var.env}"
  policy      = each.value.json
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = merge([
    for role, settings in local.roles : {
      for policy in settings.policies : "${role}/${policy}" => { policy = policy, role = role }
    }
  ]...)

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = "${local.iam_arn}:policy/${aws_iam_policy.this[each.value.policy].name}"
}
