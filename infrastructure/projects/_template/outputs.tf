output "glue_job_names" {
  description = "Names of the Glue jobs, by script."
  value       = module.project.glue_job_names
}

output "pipeline_arns" {
  description = "ARNs of the state machines, by pipeline."
  value       = module.project.pipeline_arns
}

output "tables" {
  description = "Where each table lies, by layer.table."
  value       = module.project.tables
}
