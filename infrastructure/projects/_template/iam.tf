# ─── Glue Jobs ───

locals {
  # What the projects it depends on refine and curate, table by table.
  shared_tables = flatten([
    for project in local.depends_on : [
      for layer, tables in try(merge(jsondecode(file("${path.root}/../${project}/tables.json"))), {}) : [
        for name in keys(tables) : { layer = layer, name = name, project = project }
      ] if contains(["refined", "curated"], layer)
    ]
  ])
}

module "iam_glue_job" {
  source = "../../modules/iam_glue_job"

  connection_names         = local.connection_names
  external_reads           = [for bucket in values(local.external_reads) : { bucket = bucket.bucket, prefix = bucket.prefix }]
  job_names                = [for job in local.jobs : job.name]
  kms_key_arn              = local.foundation.kms_key_arn
  name                     = "${local.prefix}-glue-job-${var.env}"
  permissions_boundary_arn = local.foundation.permissions_boundary_arn
  secret_names             = [for database in values(local.external_databases) : database.secret]
  tags                     = local.common_tags

  external_keys = concat(
    [for bucket in values(local.external_reads) : { arn = bucket.kms_key_arn, service = "s3" } if bucket.kms_key_arn != ""],
    [for database in values(local.external_databases) : { arn = database.kms_key_arn, service = "secretsmanager" } if database.kms_key_arn != ""],
  )

  read_prefixes = concat(
    [
      "${local.foundation.s3_artifacts_bucket_id}/jobs/${local.project}",
      "${local.foundation.s3_artifacts_bucket_id}/releases",
      "${local.foundation.s3_artifacts_bucket_id}/wheels",
      "${local.buckets.raw}/landing/${local.project}",
    ],
    [for table in local.shared_tables : "${local.buckets[table.layer]}/${table.project}/${table.name}"],
  )
  read_tables = [for table in local.shared_tables : "${local.databases[table.layer]}/${table.name}"]

  write_prefixes = concat(
    ["${local.foundation.s3_artifacts_bucket_id}/temp/${local.project}"],
    [for bucket in values(local.buckets) : "${bucket}/${local.project}"],
  )
  write_tables = flatten([
    for layer, tables in local.tables : [for name in keys(tables) : "${local.databases[layer]}/${name}"]
  ])
}

# ─── Table Optimizers ───

module "iam_table_optimizer" {
  source = "../../modules/iam_table_optimizer"

  kms_key_arn              = local.foundation.kms_key_arn
  name                     = "${local.prefix}-table-optimizer-${var.env}"
  permissions_boundary_arn = local.foundation.permissions_boundary_arn
  table_prefixes           = [for table in local.iceberg_tables : "${local.buckets[table.layer]}/${local.project}/${table.name}"]
  tables                   = [for table in local.iceberg_tables : "${local.databases[table.layer]}/${table.name}"]
  tags                     = local.common_tags
}

# ─── Pipelines ───
# A role a pipeline, which starts that pipeline's jobs and no others.

data "aws_iam_policy_document" "run_jobs" {
  for_each = { for name, pipeline in local.pipelines : name => pipeline if length(pipeline.jobs) > 0 }

  statement {
    sid       = "RunGlueJobs"
    actions   = ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"]
    resources = [for job in distinct(each.value.jobs) : "arn:${local.partition}:glue:${local.region}:${local.account_id}:job/${local.jobs[job].name}"]
  }

  # Its metadata, which is not encrypted, says the version in use.
  statement {
    sid       = "ReadVersionInUse"
    actions   = ["s3:GetObject"]
    resources = ["arn:${local.partition}:s3:::${local.foundation.s3_artifacts_bucket_id}/wheels/core-latest.gluewheels.zip"]
  }
}

module "iam_pipeline" {
  source   = "../../modules/iam_role"
  for_each = local.pipelines

  description              = "Run the pipeline ${each.value.name}"
  inline_policies          = { for name, document in data.aws_iam_policy_document.run_jobs : "run-glue-jobs" => document.json if name == each.key }
  managed_policy_arns      = { observability = local.foundation.sfn_observability_policy_arn }
  name                     = "${local.prefix}-${replace(each.key, "_", "-")}-sfn-${var.env}"
  permissions_boundary_arn = local.foundation.permissions_boundary_arn
  service                  = "states.amazonaws.com"
  source_arns              = ["arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${each.value.name}"]
  tags                     = local.common_tags
}
