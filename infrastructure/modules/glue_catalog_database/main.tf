# ─── Glue Catalog Database ───
# One database of the data catalog: one layer of the lake.

resource "aws_glue_catalog_database" "this" {
  name         = var.name
  description  = var.description
  location_uri = var.location_uri
  tags         = var.tags
}
