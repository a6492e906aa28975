# ─── Pipelines ───
# The jobs of jobs.tf, by their keys, in the order in which they run.

locals {
  pipeline_jobs = {
    daily = ["ingest", "refine", "curate"]
  }
}
