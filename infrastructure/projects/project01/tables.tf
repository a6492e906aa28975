# ─── Tables ───
# The project's contract with its readers is tables.json: raw tables are Hive/Parquet, refined and curated ones
# Iceberg. They lie in s3://{layer bucket}/{project}/{table}/.

locals {
  contract = try(merge(jsondecode(file("${path.root}/tables.json"))), {})

  # Without those that checks.tf calls incomplete.
  tables = {
    for layer in ["raw", "refined", "curated"] : layer => {
      for name, table in try(local.contract[layer], {}) : name => table
      if can([table.description, [for column in table.columns : [column.name, column.type]]])
    }
  }

  iceberg_tables = merge([
    for layer in ["refined", "curated"] : {
      for name, table in local.tables[layer] : "${layer}.${name}" => merge(table, { layer = layer, name = name })
    }
  ]...)
}

module "raw_table" {
  source   = "../../modules/glue_catalog_table"
  for_each = local.tables.raw

  columns        = each.value.columns
  database_name  = local.databases.raw
  description    = each.value.description
  location       = "s3://${local.buckets.raw}/${local.project}/${each.key}/"
  name           = each.key
  partition_keys = try(each.value.partition_keys, [])
}

module "iceberg_table" {
  source   = "../../modules/glue_iceberg_table"
  for_each = local.iceberg_tables

  columns            = each.value.columns
  database_name      = local.databases[each.value.layer]
  description        = each.value.description
  location           = "s3://${local.buckets[each.value.layer]}/${local.project}/${each.value.name}/"
  name               = each.value.name
  optimizer_role_arn = module.iam_table_optimizer["iceberg"].role_arn
}
