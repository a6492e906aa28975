# ─── Project ───
# What every project is made of: the checks of its files, its names, roles, tables, jobs and pipelines. A project's
# own folder has the data alone: project.json, contract.odcs.yaml, and the locals of tables.tf, jobs.tf and pipelines.tf.

locals {
  projects = "${path.module}/../../projects"

  # A file that is no JSON object is empty here, and a problem in checks.tf: Terraform validates everything that
  # it knows before it comes to a precondition, and its own message would not name the file.
  config = try(merge(jsondecode(file("${var.folder}/project.json"))), {})
  domain = try(merge(jsondecode(file("${path.module}/../../../setup/domain.json"))), {})
  # One that is none would stop the provider before checks.tf can name it; nothing is planned in its place.
  region = try(can(regex(local.schemas.domain.properties.aws_region.pattern, local.domain.aws_region)) ? local.domain.aws_region : "us-east-1", "us-east-1")

  # One folder a project; its name is the project's name everywhere.
  directory = basename(abspath(var.folder))

  depends_on = [
    for name in try(tolist(local.config.depends_on), []) : name
    if can(regex(local.name_pattern, name)) && fileexists("${local.projects}/${name}/contract.odcs.yaml")
  ]
}

# ─── Account ───

# Every name below comes from the foundation's state, and that is found by the account: nothing is planned
# before the project's own files are in order.
data "aws_caller_identity" "current" {
  lifecycle {
    precondition {
      condition     = length(local.config_problems) == 0
      error_message = join("\n", local.config_problems)
    }
  }
}

data "aws_partition" "current" {}

# ─── Names ───

locals {
  project    = local.directory
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # {domain_abbr}-{project}-{purpose}-{env}, the purpose with hyphens.
  prefix = "${var.foundation.domain_abbr}-${local.project}"

  buckets = {
    raw     = var.foundation.s3_raw_bucket_id
    refined = var.foundation.s3_refined_bucket_id
    curated = var.foundation.s3_curated_bucket_id
  }
  databases = {
    raw     = var.foundation.glue_database_raw
    refined = var.foundation.glue_database_refined
    curated = var.foundation.glue_database_curated
  }

  common_tags = merge(module.own_tags.tags, {
    Domain      = var.foundation.domain_name
    Environment = var.env
    ManagedBy   = "terraform"
    Owner       = try(tostring(local.config.owner), "")
    Project     = local.project
  })
}

module "own_tags" {
  source = "../own_tags"

  file = "${path.module}/../../../setup/tags.json"
}

# ─── Outside ───
# What project.json names of setup/external.json; checks.tf says what is no list or not there.

locals {
  named_outside = { for field in ["connections", "external_reads"] : field => try([for name in tolist(local.config[field]) : tostring(name)], []) }
}

module "external" {
  source = "../external"

  env  = var.env
  file = "${path.module}/../../../setup/external.json"
}
