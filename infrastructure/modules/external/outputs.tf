output "buckets" {
  description = "Buckets by name: bucket, prefix and kms_key_arn, the latter two empty if there is none."
  value       = local.entries.buckets

  precondition {
    condition     = length(local.problems) == 0
    error_message = join("\n", local.problems)
  }
}

output "databases" {
  description = "Databases by name: cidr, port, secret, url, and kms_key_arn, empty if there is none."
  value       = { for name, entry in local.entries.databases : name => merge(entry, { port = try(tonumber(regex(":([0-9]{1,5})[/;]", entry.url)[0]), 0) }) }
}
