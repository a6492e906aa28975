# ─── Project ───
# The same in every project: what a project is made of is in the module, what it has of its own in project.json,
# contract.odcs.yaml, tables.tf, jobs.tf and pipelines.tf.

module "project" {
  source = "../../modules/project"

  contract          = local.contract
  env               = var.env
  folder            = path.root
  foundation        = data.terraform_remote_state.foundation.outputs
  job_settings      = local.job_settings
  pipeline_jobs     = local.pipeline_jobs
  pipeline_triggers = local.pipeline_triggers
}
