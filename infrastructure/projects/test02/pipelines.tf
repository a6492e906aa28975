# ─── Pipelines ───
# The jobs of jobs.tf, by their keys, in the order in which they run.

locals {
  pipeline_jobs = {
    payments = ["ingest_payments", "refine_payments", "curate_payments"]
  }
}
