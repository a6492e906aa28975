# Everything that the foundation exports, for the projects, which read it from this state.

output "alarms_topic_arn" {
  description = "Topic that tells of executions that did not succeed."
  value       = module.foundation.alarms_topic_arn
}

output "domain_abbr" {
  description = "Prefix of every name."
  value       = module.foundation.domain_abbr
}

output "domain_name" {
  description = "Name of the domain."
  value       = module.foundation.domain_name
}

output "glue_connection_names" {
  description = "Network connections of the Glue jobs, one a private subnet."
  value       = module.foundation.glue_connection_names
}

output "glue_database_curated" {
  description = "Database of the curated layer."
  value       = module.foundation.glue_database_curated
}

output "glue_database_raw" {
  description = "Database of the raw layer."
  value       = module.foundation.glue_database_raw
}

output "glue_database_refined" {
  description = "Database of the refined layer."
  value       = module.foundation.glue_database_refined
}

output "glue_endpoint_security_group_id" {
  description = "Security group of the interface endpoints."
  value       = module.foundation.glue_endpoint_security_group_id
}

output "glue_job_security_group_id" {
  description = "Security group of the Glue jobs."
  value       = module.foundation.glue_job_security_group_id
}

output "glue_security_configuration" {
  description = "Security configuration of the Glue jobs."
  value       = module.foundation.glue_security_configuration
}

output "kms_key_arn" {
  description = "ARN of the domain's KMS key."
  value       = module.foundation.kms_key_arn
}

output "kms_key_id" {
  description = "Id of the domain's KMS key."
  value       = module.foundation.kms_key_id
}

output "permissions_boundary_arn" {
  description = "Policy that bounds every role; empty if none does."
  value       = module.foundation.permissions_boundary_arn
}

output "private_subnet_ids" {
  description = "Private subnets by availability zone."
  value       = module.foundation.private_subnet_ids
}

output "s3_artifacts_bucket_id" {
  description = "Bucket of the wheel and the job scripts."
  value       = module.foundation.s3_artifacts_bucket_id
}

output "s3_curated_bucket_id" {
  description = "Bucket of the curated layer."
  value       = module.foundation.s3_curated_bucket_id
}

output "s3_logs_bucket_id" {
  description = "Bucket of the S3 access logs."
  value       = module.foundation.s3_logs_bucket_id
}

output "s3_raw_bucket_id" {
  description = "Bucket of the raw layer."
  value       = module.foundation.s3_raw_bucket_id
}

output "s3_refined_bucket_id" {
  description = "Bucket of the refined layer."
  value       = module.foundation.s3_refined_bucket_id
}

output "sfn_observability_policy_arn" {
  description = "Managed policy for the roles of state machines: log delivery and tracing."
  value       = module.foundation.sfn_observability_policy_arn
}

output "vpc_id" {
  description = "The domain's VPC."
  value       = module.foundation.vpc_id
}
