# ─── Pipelines ───
# The jobs of jobs.tf, by their keys, in the order in which they run.

locals {
  pipeline_jobs = {
    payments = ["ingest_payments", "refine_payments", "curate_payments"]
  }
}

# ─── Triggers ───
# What starts a pipeline by itself, in all environments or in those that it names: schedules, files that land, and
# pipelines of projects that project.json depends on, when they have succeeded.

locals {
  pipeline_triggers = {
    payments = { after = ["project01/rates"], environments = ["prod"] }
  }
}
