# ─── Tables ───
# Raw tables are Hive/Parquet, refined and curated ones Iceberg. They lie in s3://{layer bucket}/{project}/{table}.
# Beside them each project has one table in which its jobs record their runs.

locals {
  # Without those that checks.tf names.
  own_tables = {
    for layer in ["raw", "refined", "curated"] : layer => {
      for name, table in try(local.contract[layer], {}) : name => table
      if can([
        regex(local.schemas.tables["$defs"].table_name.pattern, name),
        regex(local.schemas.tables["$defs"].description.pattern, table.description),
        table.columns[0],
        [for column in table.columns : [for field in ["name", "type"] : regex(local.column_fields[field].pattern, column[field])]],
      ]) && length(try(local.upkeep_problems[layer][name], [])) == 0
    }
  }

  job_runs = { "${local.project}_job_runs" = jsondecode(file("${local.projects}/job_runs.json")) }
  tables   = merge(local.own_tables, { refined = merge(local.own_tables.refined, local.job_runs) })

  iceberg_tables = merge([
    for layer in ["refined", "curated"] : {
      for name, table in local.tables[layer] : "${layer}.${name}" => merge(table, { layer = layer, name = name })
    }
  ]...)
}

module "raw_table" {
  source   = "../glue_catalog_table"
  for_each = local.tables.raw

  columns        = each.value.columns
  database_name  = local.databases.raw
  description    = each.value.description
  location       = "s3://${local.buckets.raw}/${local.project}/${each.key}/"
  name           = each.key
  partition_keys = try(each.value.partition_keys, [])
}

module "iceberg_table" {
  source   = "../glue_iceberg_table"
  for_each = local.iceberg_tables

  columns                    = each.value.columns
  compaction_enabled         = try(each.value.optimizers.compaction, true)
  database_name              = local.databases[each.value.layer]
  description                = each.value.description
  location                   = "s3://${local.buckets[each.value.layer]}/${local.project}/${each.value.name}"
  name                       = each.value.name
  optimizer_role_arn         = module.iam_table_optimizer.role_arn
  orphan_file_retention_days = try(each.value.optimizers.orphan_days, 3)
  snapshot_retention_days    = try(each.value.retention.days, 5)
  snapshots_to_retain        = try(each.value.retention.snapshots, 1)
}
