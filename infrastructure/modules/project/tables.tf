# ─── Tables ───
# Raw tables are Hive/Parquet, refined and curated ones Iceberg. They lie in s3://{layer bucket}/{project}/{table}.
# Beside them each project has one table in which its jobs record their runs.

locals {
  # Without those that checks.tf names.
  own_tables = {
    for layer in ["raw", "refined", "curated"] : layer => {
      for name, table in local.contract[layer] : name => table
      if can([
        regex(local.contract_words.table_name.pattern, name),
        table.columns[0],
        [for column in concat(table.columns, table.partition_keys) : [
          regex(local.contract_words.column_name.pattern, column.name),
          regex(local.contract_words.column_type.pattern, column.type),
        ]],
      ]) && length(local.upkeep_problems[table.object]) == 0
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
  compaction_enabled         = try(each.value.custom.optimizers.compaction, true)
  database_name              = local.databases[each.value.layer]
  description                = each.value.description
  location                   = "s3://${local.buckets[each.value.layer]}/${local.project}/${each.value.name}"
  name                       = each.value.name
  optimizer_role_arn         = module.iam_table_optimizer.role_arn
  orphan_file_retention_days = try(each.value.custom.optimizers.orphanDays, 3)
  snapshot_retention_days    = try(each.value.custom.snapshotRetention.days, 5)
  snapshots_to_retain        = try(each.value.custom.snapshotRetention.snapshots, 1)
}
