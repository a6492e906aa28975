# ─── Glue Jobs ───
# One a script src/jobs/{project}/{key}.py.

locals {
  jobs = {
    for key, settings in var.job_settings : key => merge(settings, try(settings.environments[var.env], {}), {
      name            = "${local.prefix}-${replace(key, "_", "-")}-${var.env}"
      timeout_minutes = try(settings.environments[var.env].timeout_minutes, settings.timeout_minutes, 60)
    })
  }
}

module "glue_job" {
  source   = "../glue_job"
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
  script_location        = "s3://${var.foundation.s3_artifacts_bucket_id}/jobs/${local.project}/${each.key}.py"
  security_configuration = var.foundation.glue_security_configuration
  tags                   = local.common_tags
  temp_dir               = "s3://${var.foundation.s3_artifacts_bucket_id}/temp/${local.project}/"
  timeout_minutes        = each.value.timeout_minutes
  warehouse              = "s3://${local.buckets.refined}/${local.project}/"
  worker_type            = try(each.value.worker_type, "G.1X")

  additional_python_modules = ["s3://${var.foundation.s3_artifacts_bucket_id}/wheels/core-latest.gluewheels.zip"]
  extra_py_files            = ["s3://${var.foundation.s3_artifacts_bucket_id}/jobs/${local.project}/${local.project}.zip"]

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
    try(var.job_settings[each.key].arguments, {}),
    try(each.value.arguments, {}), # the environment's, if it has some
  )
}
