# ─── Pipelines ───
# The jobs of jobs.tf, by their keys, in the order in which they run.

locals {
  pipeline_jobs = {
    rates = ["ingest_rates", "refine_rates", "curate_rates"]
  }

  pipelines = {
    for key, jobs in local.pipeline_jobs : key => {
      jobs = [for job in jobs : job if contains(keys(local.job_settings), job)] # checks.tf names the others
      name = "${local.prefix}-${replace(key, "_", "-")}-${var.env}"
    }
  }
}

module "pipeline" {
  source   = "../../modules/stepfunction_pipeline"
  for_each = local.pipelines

  description    = "${local.project}: ${each.key}"
  glue_job_names = [for job in each.value.jobs : module.glue_job[job].name]
  kms_key_arn    = local.foundation.kms_key_arn
  pipeline_name  = each.value.name
  role_arn       = module.iam_pipeline[each.key].role_arn
  tags           = local.common_tags

  release = {
    bucket  = local.foundation.s3_artifacts_bucket_id
    package = "jobs/${local.project}/${local.project}.zip"
    scripts = { for job in each.value.jobs : module.glue_job[job].name => "jobs/${local.project}/${job}.py" }
  }
}
