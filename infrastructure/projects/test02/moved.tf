# ─── Moved ───
# Where a project's own folder made the resources before modules/project did (docs/adr/0040).

moved {
  from = aws_glue_connection.database
  to   = module.project.aws_glue_connection.database
}

moved {
  from = module.glue_job
  to   = module.project.module.glue_job
}

moved {
  from = module.iam_glue_job
  to   = module.project.module.iam_glue_job
}

moved {
  from = module.iam_pipeline
  to   = module.project.module.iam_pipeline
}

moved {
  from = module.iam_table_optimizer
  to   = module.project.module.iam_table_optimizer
}

moved {
  from = module.iceberg_table
  to   = module.project.module.iceberg_table
}

moved {
  from = module.pipeline
  to   = module.project.module.pipeline
}

moved {
  from = module.raw_table
  to   = module.project.module.raw_table
}
