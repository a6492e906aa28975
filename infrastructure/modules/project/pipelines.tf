# ─── Pipelines ───
# The jobs by their keys, in the order in which they run.

locals {
  pipelines = {
    for key, jobs in var.pipeline_jobs : key => {
      jobs = [for job in jobs : job if contains(keys(var.job_settings), job)] # checks.tf names the others
      name = "${local.prefix}-${replace(key, "_", "-")}-${var.env}"
    }
  }
}

module "pipeline" {
  source   = "../stepfunction_pipeline"
  for_each = local.pipelines

  description    = "${local.project}: ${each.key}"
  glue_job_names = [for job in each.value.jobs : module.glue_job[job].name]
  kms_key_arn    = var.foundation.kms_key_arn
  overlap        = local.overlap[each.key]
  pipeline_name  = each.value.name
  role_arn       = module.iam_pipeline[each.key].role_arn
  settle_seconds = local.settle_seconds[each.key]
  tags           = local.common_tags

  release = {
    bucket  = var.foundation.s3_artifacts_bucket_id
    package = "jobs/${local.project}/${local.project}.zip"
    scripts = { for job in distinct(each.value.jobs) : module.glue_job[job].name => "jobs/${local.project}/${job}.py" }
  }

  job_timeout_minutes = { for job in distinct(each.value.jobs) : local.jobs[job].name => local.jobs[job].timeout_minutes }
}
