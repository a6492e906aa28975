output "glue_job_names" {
  description = "Names of the Glue jobs, by script."
  value       = { for key, job in module.glue_job : key => job.name }
}

output "pipeline_arns" {
  description = "ARNs of the state machines, by pipeline."
  value       = { for key, pipeline in module.pipeline : key => pipeline.pipeline_arn }
}

output "tables" {
  description = "Where each table lies, by layer.table."
  value = merge(
    { for key, table in module.raw_table : "raw.${key}" => table.location },
    { for key, table in module.iceberg_table : key => table.location },
  )
}
