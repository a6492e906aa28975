# ─── Glue Catalog Database ───
# One database of the data catalog: one layer of the lake.

resource "aws_glue_catalog_database" "this" {
  name         = var.name
  description  = var.description
  location_uri = var.location_uri
  tags         = var.tags

  # Left out, it would be what the account's Lake Formation settings say.
  dynamic "create_table_default_permission" {
    for_each = var.default_table_permissions

    content {
      permissions = create_table_default_permission.value

      principal {
        data_lake_principal_identifier = create_table_default_permission.key
      }
    }
  }
}
