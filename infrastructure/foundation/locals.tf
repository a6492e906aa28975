# ─── Names ───
# Everything that others refer to is named from inputs, so that every policy and rule is known in a plan. Only
# the KMS key has no name of its own: its ARN stays out of every policy document here.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  logs_arn   = "arn:${local.partition}:logs:${var.aws_region}:${local.account_id}"

  layers = {
    raw     = "Data as received from the source (Hive, Parquet)"
    refined = "Data cleaned, conformed and joinable (Iceberg)"
    curated = "Data aggregated and ready for consumption (Iceberg)"
  }

  bucket_names = {
    for purpose in concat(keys(local.layers), ["artifacts", "logs"]) :
    purpose => "${var.domain_abbr}-${purpose}-${local.account_id}-${var.env}"
  }
  data_bucket_arns = {
    for purpose, name in local.bucket_names : purpose => "arn:${local.partition}:s3:::${name}" if purpose != "logs"
  }

  # The deploy role makes no role without it (infrastructure/bootstrap).
  permissions_boundary_arn = var.permissions_boundary == "" ? "" : "arn:${local.partition}:iam::${local.account_id}:policy/${var.domain_abbr}-${var.permissions_boundary}-${var.env}"

  alarms_topic_name = "${var.domain_abbr}-alarms-${var.env}"
  alarms_topic_arn  = "arn:${local.partition}:sns:${var.aws_region}:${local.account_id}:${local.alarms_topic_name}"

  flow_log_group_name = "/aws/vpc/${var.domain_abbr}-vpc-${var.env}/flow-logs"

  common_tags = merge(var.tags, {
    Domain      = var.domain_name
    Environment = var.env
    ManagedBy   = "terraform"
    Owner       = var.domain_name
    Project     = "foundation"
  })
}
