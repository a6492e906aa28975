# ─── Configuration ───

locals {
  # A file that is no JSON object is empty here, and a problem in checks.tf: Terraform validates everything that
  # it knows before it comes to a precondition, and its own message would not name the file.
  config     = try(merge(jsondecode(file("${path.root}/project.json"))), {})
  domain     = try(merge(jsondecode(file("${path.root}/../../../setup/domain.json"))), {})
  foundation = data.terraform_remote_state.foundation.outputs
  # One that is none would stop the provider before checks.tf can name it; nothing is planned in its place.
  region = try(can(regex(local.schemas.domain.properties.aws_region.pattern, local.domain.aws_region)) ? local.domain.aws_region : "us-east-1", "us-east-1")

  # One folder a project; its name is the project's name everywhere.
  directory = basename(abspath(path.root))

  depends_on = [
    for name in try(tolist(local.config.depends_on), []) : name
    if can(regex(local.name_pattern, name)) && fileexists("${path.root}/../${name}/tables.json")
  ]
}

# ─── Names ───

locals {
  project    = local.directory
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # {domain_abbr}-{project}-{purpose}-{env}, the purpose with hyphens.
  prefix = "${local.foundation.domain_abbr}-${local.project}"

  buckets = {
    raw     = local.foundation.s3_raw_bucket_id
    refined = local.foundation.s3_refined_bucket_id
    curated = local.foundation.s3_curated_bucket_id
  }
  databases = {
    raw     = local.foundation.glue_database_raw
    refined = local.foundation.glue_database_refined
    curated = local.foundation.glue_database_curated
  }

  common_tags = merge(module.own_tags.tags, {
    Domain      = local.foundation.domain_name
    Environment = var.env
    ManagedBy   = "terraform"
    Owner       = try(tostring(local.config.owner), "")
    Project     = local.project
  })
}

# What project.json names of setup/external.json; checks.tf says what is no list or not there.
locals {
  named_outside = { for field in ["connections", "external_reads"] : field => try([for name in tolist(local.config[field]) : tostring(name)], []) }
}

module "external" {
  source = "../../modules/external"

  env  = var.env
  file = "${path.root}/../../../setup/external.json"
}

module "own_tags" {
  source = "../../modules/own_tags"

  file = "${path.root}/../../../setup/tags.json"
}
