# Every output here is re-exported by environments/*/outputs.tf: projects read them from there.

output "alarms_topic_arn" {
  description = "Topic that tells of executions that did not succeed."
  value       = local.alarms_topic_arn
}

output "domain_abbr" {
  description = "Prefix of every name."
  value       = var.domain_abbr
}

output "domain_name" {
  description = "Name of the domain."
  value       = var.domain_name
}

output "glue_connection_names" {
  description = "Network connections of the Glue jobs, one a private subnet."
  value       = sort([for connection in aws_glue_connection.network : connection.name])
}

output "glue_database_curated" {
  description = "Database of the curated layer."
  value       = module.glue_database["curated"].name
}

output "glue_database_raw" {
  description = "Database of the raw layer."
  value       = module.glue_database["raw"].name
}

output "glue_database_refined" {
  description = "Database of the refined layer."
  value       = module.glue_database["refined"].name
}

output "glue_endpoint_security_group_id" {
  description = "Security group of the interface endpoints."
  value       = aws_security_group.glue_endpoint.id
}

output "glue_job_security_group_id" {
  description = "Security group of the Glue jobs."
  value       = aws_security_group.glue_job.id
}

output "glue_security_configuration" {
  description = "Security configuration of the Glue jobs."
  value       = aws_glue_security_configuration.main.name
}

output "kms_key_arn" {
  description = "ARN of the domain's KMS key."
  value       = aws_kms_key.data_lake.arn
}

output "kms_key_id" {
  description = "Id of the domain's KMS key."
  value       = aws_kms_key.data_lake.key_id
}

output "permissions_boundary_arn" {
  description = "Policy that bounds every role; empty if none does."
  value       = local.permissions_boundary_arn
}

output "private_subnet_ids" {
  description = "Private subnets by availability zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "s3_artifacts_bucket_id" {
  description = "Bucket of the wheel and the job scripts."
  value       = module.s3_artifacts.bucket_id
}

output "s3_curated_bucket_id" {
  description = "Bucket of the curated layer."
  value       = module.s3_curated.bucket_id
}

output "s3_logs_bucket_id" {
  description = "Bucket of the S3 access logs."
  value       = module.s3_logs.bucket_id
}

output "s3_raw_bucket_id" {
  description = "Bucket of the raw layer."
  value       = module.s3_raw.bucket_id
}

output "s3_refined_bucket_id" {
  description = "Bucket of the refined layer."
  value       = module.s3_refined.bucket_id
}

output "sfn_observability_policy_arn" {
  description = "Managed policy for the roles of state machines: log delivery and tracing."
  value       = "arn:${local.partition}:iam::${local.account_id}:policy/${aws_iam_policy.sfn_observability.name}"
}

output "vpc_id" {
  description = "The domain's VPC."
  value       = aws_vpc.main.id
}
