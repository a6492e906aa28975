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
}
