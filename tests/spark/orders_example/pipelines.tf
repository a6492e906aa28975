locals {
  pipeline_jobs = {
    daily  = ["ingest", "refine", "curate"]
    hourly = ["ingest", "refine"]
  }
}
