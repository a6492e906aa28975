# ─── Glue Jobs ───
# One a script src/jobs/{project}/{key}.py. What a job has of its own stands in its line: description, and as
# needed worker_type, number_of_workers, timeout_minutes, execution_class, max_concurrent_runs, max_retries,
# job_bookmark_option, arguments. What is otherwise in one environment stands in environments:
# environments = { prod = { worker_type = "G.2X", number_of_workers = 10 } }

locals {
  job_settings = {
    ingest_rates = { description = "ECB reference rates as received → raw" }
    refine_rates = { description = "raw → refined: one rate a date and currency" }
    curate_rates = { description = "refined → curated: months, and cross rates against USD" }

    # In no pipeline: docs/add-a-table-or-job.md.
    migrate = { description = "Tables → what their contract says now" }
  }

  jobs = {
    for key, settings in local.job_settings : key => merge(settings, try(settings.environments[var.env], {}), {
      name = "${local.prefix}-${replace(key, "_", "-")}-${var.env}"
    })
  }
}

module "glue_job" {
  source   = "../../modules/glue_job"
  for_each = local.jobs

  connections            = local.connection_names
  description            = each.value.description
  execution_class        = try(each.value.execution_class, "STANDARD")
  job_bookmark_option    = try(each.value.job_bookmark_option, "job-bookmark-disable")
  max_concurrent_runs    = try(each.value.max_concurrent_runs, 1)
  max_retries            = try(each.value.max_retries, 0)
  name                   = each.value.name
  number_of_workers      = try(each.value.number_of_workers, 2)
  role_arn               = module.iam_glue_job.role_arn
  script_location        = "s3://${local.foundation.s3_artifacts_bucket_id}/jobs/${local.project}/${each.key}.py"
  security_configuration = local.foundation.glue_security_configuration
  tags                   = local.common_tags
  temp_dir               = "s3://${local.foundation.s3_artifacts_bucket_id}/temp/${local.project}/"
  timeout_minutes        = try(each.value.timeout_minutes, 60)
  warehouse              = "s3://${local.buckets.refined}/${local.project}/"
  worker_type            = try(each.value.worker_type, "G.1X")

  additional_python_modules = ["s3://${local.foundation.s3_artifacts_bucket_id}/wheels/core-latest.gluewheels.zip"]
  extra_py_files            = ["s3://${local.foundation.s3_artifacts_bucket_id}/jobs/${local.project}/${local.project}.zip"]

  arguments = merge(
    {
      "--curated_bucket"   = local.buckets.curated
      "--curated_database" = local.databases.curated
      "--env"              = var.env
      "--project"          = local.project
      "--raw_bucket"       = local.buckets.raw
      "--raw_database"     = local.databases.raw
      "--refined_bucket"   = local.buckets.refined
      "--refined_database" = local.databases.refined
    },
    try(local.job_settings[each.key].arguments, {}),
    try(each.value.arguments, {}), # the environment's, if it has some
  )
}
