output "location" {
  description = "Where the table's data lies."
  value       = var.location
}

output "name" {
  description = "Name of the table."
  value       = aws_glue_catalog_table.this.name
}
