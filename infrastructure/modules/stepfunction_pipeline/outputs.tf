output "log_group_name" {
  description = "Log group of the executions."
  value       = aws_cloudwatch_log_group.this.name
}

output "pipeline_arn" {
  description = "ARN of the state machine; known at plan time."
  value       = "arn:${data.aws_partition.current.partition}:states:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:stateMachine:${aws_sfn_state_machine.this.name}"
}

output "pipeline_name" {
  description = "Name of the state machine."
  value       = aws_sfn_state_machine.this.name
}
