# ─── Configuration ───

locals {
  config     = jsondecode(file("${path.root}/project.json"))
  domain     = jsondecode(file("${path.root}/../../../setup/domain.json"))
  foundation = data.terraform_remote_state.foundation.outputs
  region     = try(local.domain.aws_region, null)

  # One folder a project; its name is the project's name everywhere.
  directory  = basename(abspath(path.root))
  depends_on = try(tolist(local.config.depends_on), [])
}

# ─── Checks ───
# One line for each problem: file, field, value, what is expected.

locals {
  project_file = "infrastructure/projects/${local.directory}/project.json"

  config_problems = concat(
    [
      for field, rule in {
        description = { pattern = "^.{1,200}$", expected = "1 to 200 characters" }
        name        = { pattern = "^[a-z][a-z0-9_]{1,23}$", expected = "2 to 24 lower-case letters, digits and underscores, starting with a letter" }
        owner       = { pattern = "^[A-Za-z0-9][A-Za-z0-9+=._:/@-]{1,127}$", expected = "a team or its address, such as \"team@example.com\"" }
      } : "${local.project_file}: ${field} is ${jsonencode(try(local.config[field], null))}; expected ${rule.expected}."
      if !can(regex(rule.pattern, local.config[field]))
    ],
    [
      for field in setsubtract(try(keys(local.config), []), ["depends_on", "description", "name", "owner"]) :
      "${local.project_file}: ${field} is not a known field; expected name, description, owner and, if needed, depends_on."
    ],
    [
      for name in [try(local.config.name, local.directory)] :
      "${local.project_file}: name is ${jsonencode(name)}; expected \"${local.directory}\", the name of its folder."
      if try(tostring(name), "") != local.directory
    ],
    [
      for value in [try(local.config.depends_on, [])] :
      "${local.project_file}: depends_on is ${jsonencode(value)}; expected a list of other projects' names."
      if !can([for name in value : regex("^[a-z][a-z0-9_]*$", name)]) || can(keys(value)) || contains(local.depends_on, local.directory)
    ],
    [
      for name in local.depends_on :
      "${local.project_file}: depends_on names ${jsonencode(name)}; expected a folder of infrastructure/projects that has a tables.json."
      if can(regex("^[a-z][a-z0-9_]*$", name)) && !fileexists("${path.root}/../${name}/tables.json")
    ],
    [
      for field in ["aws_region", "domain_abbr"] :
      "setup/domain.json: ${field} is ${jsonencode(try(local.domain[field], null))}; expected a value."
      if !can(regex("^[a-z][a-z0-9-]+$", local.domain[field]))
    ],
  )
}

# ─── Names ───

locals {
  project    = local.config.name
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

  common_tags = {
    Domain      = local.foundation.domain_name
    Environment = var.env
    ManagedBy   = "terraform"
    Owner       = local.config.owner
    Project     = local.project
  }
}
