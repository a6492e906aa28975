# ─── Bootstrap ───
# What must be there before the first deployment: for each environment of this account the bucket of its Terraform
# states, and the roles that GitHub Actions assumes. Applied by a person, once, with setup/bootstrap.sh aws.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  domain     = try(merge(jsondecode(file("${path.root}/../../setup/domain.json"))), {})
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  common_tags = merge(module.own_tags.tags, {
    Domain    = try(local.domain.domain_name, "")
    ManagedBy = "terraform"
    Owner     = try(local.domain.domain_name, "")
    Project   = "bootstrap"
  })
}

module "own_tags" {
  source = "../modules/own_tags"

  file = "${path.root}/../../setup/tags.json"
}

# ─── GitHub's Identity Provider ───
# One an account, whatever domains and environments share it. AWS verifies it by GitHub's certificate authority, so
# it needs no thumbprint.

resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_oidc_provider ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = [local.audience]
  tags           = merge(local.common_tags, { Environment = "shared" })
}

locals {
  issuer   = "token.actions.githubusercontent.com"
  audience = "sts.amazonaws.com"
}

# ─── Environments ───

locals {
  environments = coalesce(var.environments, toset(keys(var.deploy_subjects)))
}

module "external" {
  source   = "../modules/external"
  for_each = local.environments

  env  = each.key
  file = "${path.root}/../../setup/external.json"
}

module "environment" {
  source   = "./environment"
  for_each = local.environments

  account_id      = local.account_id
  audience        = local.audience
  aws_region      = try(local.domain.aws_region, "")
  deploy_subjects = lookup(var.deploy_subjects, each.key, [])
  domain_abbr     = try(local.domain.domain_abbr, "")
  domain_name     = try(local.domain.domain_name, "")
  env             = each.key

  external_buckets = module.external[each.key].buckets
  external_secrets = [for database in values(module.external[each.key].databases) : database.secret]

  issuer        = local.issuer
  made_before   = aws_iam_openid_connect_provider.github[*].arn
  partition     = local.partition
  plan_subjects = lookup(var.plan_subjects, each.key, [])
  tags          = merge(local.common_tags, { Environment = each.key })
}
