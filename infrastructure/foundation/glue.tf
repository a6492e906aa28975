# ─── Databases ───
# One a layer; projects put their tables into them.

locals {
  layer_buckets = {
    raw     = module.s3_raw.bucket_id
    refined = module.s3_refined.bucket_id
    curated = module.s3_curated.bucket_id
  }
}

module "glue_database" {
  source   = "../modules/glue_catalog_database"
  for_each = local.layers

  name         = "${var.domain_abbr}_${each.key}_${var.env}"
  description  = each.value
  location_uri = "s3://${local.layer_buckets[each.key]}/"
  tags         = local.common_tags

  default_table_permissions = var.default_table_permissions
}

# ─── Network Connections ───
# A connection is bound to one subnet. Jobs list them all, so that they start in another zone when one is full.

resource "aws_glue_connection" "network" {
  for_each = aws_subnet.private

  name            = "${var.domain_abbr}-network-${each.key}-${var.env}"
  description     = "Puts Glue jobs into the private subnet in ${each.key}"
  connection_type = "NETWORK"
  tags            = local.common_tags

  physical_connection_requirements {
    availability_zone      = each.value.availability_zone
    security_group_id_list = [aws_security_group.glue_job.id]
    subnet_id              = each.value.id
  }
}

# ─── Security Configuration ───
# What Glue writes by itself (objects, logs, bookmarks) is encrypted with the domain's key.

resource "aws_glue_security_configuration" "main" {
  name = "${var.domain_abbr}-glue-${var.env}"

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = aws_kms_key.data_lake.arn
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = aws_kms_key.data_lake.arn
    }

    s3_encryption {
      kms_key_arn        = aws_kms_key.data_lake.arn
      s3_encryption_mode = "SSE-KMS"
    }
  }
}
