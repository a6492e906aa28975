# ─── Glue Iceberg Table ───
# An Iceberg table, created by the catalog with empty metadata, and its three optimizers.
#
# From then on the table's metadata belongs to its writers: every Spark commit rewrites the whole catalog entry
# (columns, parameters, description). Terraform must never put its own idea back, or it would point the table at
# stale metadata and lose commits. It therefore ignores all of the entry but its name and database, which are
# its identity; the schema evolves by ALTER TABLE in a job, and `columns` is the schema at birth.

resource "aws_glue_catalog_table" "this" {
  name          = var.name
  database_name = var.database_name
  description   = var.description
  table_type    = "EXTERNAL_TABLE"

  open_table_format_input {
    iceberg_input {
      metadata_operation = "CREATE"
      version            = "2"
    }
  }

  storage_descriptor {
    location = var.location

    dynamic "columns" {
      for_each = var.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }

  lifecycle {
    ignore_changes = [
      description,
      open_table_format_input,
      owner,
      parameters,
      partition_keys,
      retention,
      storage_descriptor,
      table_type,
    ]
  }
}

# ─── Optimizers ───

data "aws_caller_identity" "current" {}

resource "aws_glue_catalog_table_optimizer" "compaction" {
  catalog_id    = data.aws_caller_identity.current.account_id
  database_name = aws_glue_catalog_table.this.database_name
  table_name    = aws_glue_catalog_table.this.name
  type          = "compaction"

  configuration {
    enabled  = var.compaction_enabled
    role_arn = var.optimizer_role_arn
  }
}

resource "aws_glue_catalog_table_optimizer" "retention" {
  catalog_id    = data.aws_caller_identity.current.account_id
  database_name = aws_glue_catalog_table.this.database_name
  table_name    = aws_glue_catalog_table.this.name
  type          = "retention"

  configuration {
    enabled  = true
    role_arn = var.optimizer_role_arn

    retention_configuration {
      iceberg_configuration {
        clean_expired_files               = true
        number_of_snapshots_to_retain     = var.snapshots_to_retain
        snapshot_retention_period_in_days = var.snapshot_retention_days
      }
    }
  }
}

resource "aws_glue_catalog_table_optimizer" "orphan_file_deletion" {
  catalog_id    = data.aws_caller_identity.current.account_id
  database_name = aws_glue_catalog_table.this.database_name
  table_name    = aws_glue_catalog_table.this.name
  type          = "orphan_file_deletion"

  configuration {
    enabled  = true
    role_arn = var.optimizer_role_arn

    orphan_file_deletion_configuration {
      iceberg_configuration {
        location                             = var.location
        orphan_file_retention_period_in_days = var.orphan_file_retention_days
      }
    }
  }
}
