# ─── Names ───
# Everything of the domain in this environment is named {domain_abbr}-{…}-{env}, databases with underscores: the
# roles are held to these names. Taken from inputs, so that every policy can be read in a plan.

locals {
  names   = "${var.domain_abbr}-*-${var.env}"
  buckets = "arn:${var.partition}:s3:::${var.domain_abbr}-*-${var.account_id}-${var.env}"

  bucket_names = {
    for purpose in ["artifacts", "curated", "raw", "refined", "tfstate", "tfstate-logs"] :
    purpose => "${var.domain_abbr}-${purpose}-${var.account_id}-${var.env}"
  }
  bucket_arns = { for purpose, name in local.bucket_names : purpose => "arn:${var.partition}:s3:::${name}" }

  ec2_arn       = "arn:${var.partition}:ec2:${var.aws_region}:${var.account_id}"
  events_arn    = "arn:${var.partition}:events:${var.aws_region}:${var.account_id}"
  glue_arn      = "arn:${var.partition}:glue:${var.aws_region}:${var.account_id}"
  iam_arn       = "arn:${var.partition}:iam::${var.account_id}"
  kms_arn       = "arn:${var.partition}:kms:${var.aws_region}:${var.account_id}"
  logs_arn      = "arn:${var.partition}:logs:${var.aws_region}:${var.account_id}"
  scheduler_arn = "arn:${var.partition}:scheduler:${var.aws_region}:${var.account_id}"
  sns_arn       = "arn:${var.partition}:sns:${var.aws_region}:${var.account_id}"
  states_arn    = "arn:${var.partition}:states:${var.aws_region}:${var.account_id}"

  state_alias = "alias/${var.domain_abbr}-tfstate-${var.env}"
  data_alias  = "alias/${var.domain_abbr}-data-lake-${var.env}"
  state_objects = [
    "${local.bucket_arns.tfstate}/foundation/terraform.tfstate",
    "${local.bucket_arns.tfstate}/projects/*/terraform.tfstate",
  ]

  boundary_name = "${var.domain_abbr}-boundary-${var.env}"
  boundary_arn  = "${local.iam_arn}:policy/${local.boundary_name}"
  role_names    = { for purpose in ["deploy", "plan"] : purpose => "${var.domain_abbr}-${purpose}-${var.env}" }

  # What nobody whom these roles make may change, nor they themselves; in any account, which is shorter.
  own_arns = [
    for name in concat(
      [for name in values(local.role_names) : "role/${name}"],
      [for name in [local.boundary_name, "${var.domain_abbr}-deploy-*-${var.env}", local.policy_names.read] : "policy/${name}"],
    ) : "arn:${var.partition}:iam::*:${name}"
  ]
  policy_names = {
    for purpose in ["deploy-data", "deploy-identity", "deploy-network", "read"] :
    purpose => "${var.domain_abbr}-${purpose}-${var.env}"
  }

  glue_catalog = [
    "${local.glue_arn}:catalog",
    "${local.glue_arn}:database/${var.domain_abbr}_*_${var.env}",
    "${local.glue_arn}:table/${var.domain_abbr}_*_${var.env}/*",
    # DeleteDatabase asks for what is in the database, too.
    "${local.glue_arn}:userDefinedFunction/${var.domain_abbr}_*_${var.env}/*",
  ]
  glue_named = [
    "${local.glue_arn}:connection/${local.names}",
    "${local.glue_arn}:job/${local.names}",
  ]
  schedules = ["${local.scheduler_arn}:schedule/${local.names}/*", "${local.scheduler_arn}:schedule-group/${local.names}"]
  # A subscription's ARN is its topic's, and an id behind it.
  topics = ["${local.sns_arn}:${local.names}", "${local.sns_arn}:${local.names}:*"]
  log_groups = [
    # Glue's own names for the jobs of a security configuration: modules/project/logs.tf.
    "${local.logs_arn}:log-group:/aws-glue/jobs/${var.domain_abbr}-glue-${var.env}-role/${local.names}/*",
    "${local.logs_arn}:log-group:/aws-glue/jobs-${local.names}-${var.domain_abbr}-glue-${var.env}/*",
    "${local.logs_arn}:log-group:/aws/vendedlogs/states/${local.names}",
    "${local.logs_arn}:log-group:/aws/vpc/${var.domain_abbr}-vpc-${var.env}/flow-logs",
  ]
}
