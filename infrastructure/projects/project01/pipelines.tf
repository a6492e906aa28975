# ─── Pipelines ───
# The jobs of jobs.tf, by their keys, in the order in which they run.

locals {
  pipeline_jobs = {
    rates = ["ingest_rates", "refine_rates", "curate_rates"]
  }
}
