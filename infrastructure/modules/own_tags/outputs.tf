output "tags" {
  description = "The tags; empty if the file is missing."
  value       = { for name, value in local.given : name => try(tostring(value), "") }

  precondition {
    condition     = length(local.problems) == 0
    error_message = join("\n", local.problems)
  }
}
