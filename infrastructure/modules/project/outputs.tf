output "foundation_state" {
  description = "Where the foundation's state is: bucket, key and Region. Known once the project's files are in order."
  value = {
    bucket = "${try(local.domain.domain_abbr, "")}-tfstate-${local.account_id}-${var.env}"
    key    = "foundation/terraform.tfstate"
    region = local.region
  }
}

output "glue_job_names" {
  description = "Names of the Glue jobs, by script."
  value       = { for key, job in module.glue_job : key => job.name }
}

output "pipeline_arns" {
  description = "ARNs of the state machines, by pipeline."
  value       = { for key, pipeline in module.pipeline : key => pipeline.pipeline_arn }
}

output "region" {
  description = "The domain's AWS Region."
  value       = local.region
}

output "tables" {
  description = "Where each table lies, by layer.table."
  value = merge(
    { for key, table in module.raw_table : "raw.${key}" => table.location },
    { for key, table in module.iceberg_table : key => table.location },
  )
}
