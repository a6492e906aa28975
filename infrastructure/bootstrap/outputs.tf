output "deploy_role_arns" {
  description = "Role that deploys, by environment: the secret AWS_ROLE_ARN_{ENV}."
  value       = { for env, environment in module.environment : env => environment.deploy_role_arn }
}

output "plan_role_arns" {
  description = "Role that plans pull requests, by environment: the variable AWS_PLAN_ROLE_ARN_{ENV}."
  value       = { for env, environment in module.environment : env => environment.plan_role_arn }
}

output "state_buckets" {
  description = "Bucket of the Terraform states, by environment."
  value       = { for env, environment in module.environment : env => environment.state_bucket }
}
