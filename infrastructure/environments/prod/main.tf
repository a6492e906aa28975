# ─── Environment: prod ───
# The shared infrastructure of the domain in one environment. The environments differ in `env` alone.

locals {
  domain = jsondecode(file("${path.root}/../../../setup/domain.json"))
}

module "foundation" {
  source = "../../foundation"

  # A missing key becomes an empty value, which the foundation refuses by the key's name.
  aws_region  = try(local.domain.aws_region, "")
  domain_abbr = try(local.domain.domain_abbr, "")
  domain_name = try(local.domain.domain_name, "")
  env         = "prod"
  tags        = module.own_tags.tags

  databases        = module.external.databases
  external_buckets = module.external.buckets
}

module "external" {
  source = "../../modules/external"

  env  = "prod"
  file = "${path.root}/../../../setup/external.json"
}

module "own_tags" {
  source = "../../modules/own_tags"

  file = "${path.root}/../../../setup/tags.json"
}
