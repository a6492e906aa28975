# ─── Glue Jobs ───

locals {
  job_role = "${local.prefix}-glue-job-${var.env}"

  # The tables of each project by layer, its own without those that checks.tf names.
  declared = {
    for project, objects in {
      for file in fileset(local.projects, "*/contract.odcs.yaml") : dirname(file) => try([for each in yamldecode(file("${local.projects}/${file}")).schema : merge(each)], [])
      } : project => {
      for layer in ["raw", "refined", "curated"] : layer => distinct([
        for object in objects : try(object.physicalName, object.name)
        if try([for each in object.customProperties : each.value if each.property == "layer"][0], "curated") == layer
      ])
    }
  }
  readable = merge(
    { for project in local.depends_on : project => { for layer in ["refined", "curated"] : layer => local.declared[project][layer] } },
    { (local.project) = { for layer, tables in local.tables : layer => keys(tables) } },
  )

  # A policy has a quota of characters. Tables whose names begin with their project's are named together, by
  # {project}_*, if there are several and no other project has such a one; the others are named one by one.
  together = {
    for project, layers in local.readable : project => {
      for layer, names in layers : layer => length([for name in names : name if startswith(name, "${project}_")]) > 1 && !anytrue(flatten([
        for other, all in local.declared : [
          for name in concat(all[layer], ["${other}_job_runs"]) : startswith(name, "${project}_")
        ] if other != project
      ]))
    }
  }
  named = {
    for project, layers in local.readable : project => flatten([
      for layer, names in layers : [
        for name in distinct([for each in names : local.together[project][layer] && startswith(each, "${project}_") ? "${project}_*" : each]) :
        { prefix = "${local.buckets[layer]}/${project}/${name}", table = "${local.databases[layer]}/${name}" }
      ]
    ])
  }
}

module "iam_glue_job" {
  source = "../iam_glue_job"

  connection_names         = local.connection_names
  external_reads           = [for bucket in values(local.external_reads) : { bucket = bucket.bucket, prefix = bucket.prefix }]
  job_names                = [for job in local.jobs : job.name]
  kms_key_arn              = var.foundation.kms_key_arn
  name                     = local.job_role
  permissions_boundary_arn = var.foundation.permissions_boundary_arn
  secret_names             = [for database in values(local.external_databases) : database.secret]
  tags                     = local.common_tags

  external_keys = concat(
    [for bucket in values(local.external_reads) : { arn = bucket.kms_key_arn, service = "s3" } if bucket.kms_key_arn != ""],
    [for database in values(local.external_databases) : { arn = database.kms_key_arn, service = "secretsmanager" } if database.kms_key_arn != ""],
  )

  read_prefixes = [
    "${var.foundation.s3_artifacts_bucket_id}/jobs/${local.project}",
    "${var.foundation.s3_artifacts_bucket_id}/releases",
    "${var.foundation.s3_artifacts_bucket_id}/wheels",
    "${local.buckets.raw}/landing/${local.project}",
  ]
  shared_tables = flatten([for project in local.depends_on : local.named[project]])

  write_prefixes = concat(
    ["${var.foundation.s3_artifacts_bucket_id}/temp/${local.project}"],
    [for bucket in values(local.buckets) : "${bucket}/${local.project}"],
  )
  write_tables = local.named[local.project][*].table
}

# ─── Table Optimizers ───

module "iam_table_optimizer" {
  source = "../iam_table_optimizer"

  kms_key_arn              = var.foundation.kms_key_arn
  name                     = "${local.prefix}-table-optimizer-${var.env}"
  permissions_boundary_arn = var.foundation.permissions_boundary_arn
  table_prefixes           = [for each in local.named[local.project] : each.prefix if !startswith(each.table, "${local.databases.raw}/")]
  tables                   = [for each in local.named[local.project] : each.table if !startswith(each.table, "${local.databases.raw}/")]
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
    resources = ["arn:${local.partition}:s3:::${var.foundation.s3_artifacts_bucket_id}/wheels/core-latest.gluewheels.zip"]
  }

  statement {
    sid       = "ListOwnExecutions"
    actions   = ["states:ListExecutions"]
    resources = [local.pipeline_arns[each.key]]
  }
}

module "iam_pipeline" {
  source   = "../iam_role"
  for_each = local.pipelines

  description              = "Run the pipeline ${each.value.name}"
  inline_policies          = { for name, document in data.aws_iam_policy_document.run_jobs : "run-glue-jobs" => document.json if name == each.key }
  managed_policy_arns      = { observability = var.foundation.sfn_observability_policy_arn }
  name                     = "${local.prefix}-${replace(each.key, "_", "-")}-sfn-${var.env}"
  permissions_boundary_arn = var.foundation.permissions_boundary_arn
  service                  = "states.amazonaws.com"
  source_arns              = ["arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${each.value.name}"]
  tags                     = local.common_tags
}
