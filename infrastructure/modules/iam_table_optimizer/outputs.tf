output "role_arn" {
  description = "ARN of the role; known at plan time."
  value       = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${aws_iam_role.this.name}"
}

output "role_name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}
