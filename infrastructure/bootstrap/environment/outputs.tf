output "deploy_role_arn" {
  description = "ARN of the role that deploys."
  value       = "arn:${var.partition}:iam::${var.account_id}:role/${aws_iam_role.this["deploy"].name}"
}

output "plan_role_arn" {
  description = "ARN of the role that only reads."
  value       = "arn:${var.partition}:iam::${var.account_id}:role/${aws_iam_role.this["plan"].name}"
}

output "state_bucket" {
  description = "Bucket of the Terraform states."
  value       = module.state.bucket_id
}
