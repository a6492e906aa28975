# ─── Pipelines ───
# The jobs of jobs.tf, by their keys, in the order in which they run.

locals {
  pipeline_jobs = {
    rates = ["ingest_rates", "refine_rates", "curate_rates"]
  }
}

# ─── Triggers ───
# What starts a pipeline by itself, in all environments or in those that it names: schedules, files that land, and
# pipelines of projects that project.json depends on, when they have succeeded.

locals {
  pipeline_triggers = {
    # The bank publishes around 16:00 Central European Time on its working days.
    rates = {
      environments = ["prod"]
      schedules    = { evening = { expression = "cron(30 17 ? * MON-FRI *)", time_zone = "Europe/Berlin", flexible_minutes = 15 } }
    }
  }
}
