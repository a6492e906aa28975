# ─── Connections ───
# A database of setup/external.json that project.json names in `connections`: by JDBC, from one private subnet. Glue
# reads user and password from the secret when a job runs; Terraform never does.

locals {
  external_reads     = { for name, bucket in module.external.buckets : name => bucket if contains(local.named_outside.external_reads, name) }
  external_databases = { for name, database in module.external.databases : name => database if contains(local.named_outside.connections, name) }
  connection_names = concat(
    var.foundation.glue_connection_names,
    sort([for connection in aws_glue_connection.database : connection.name]),
  )

  # The first zone: a connection is bound to one subnet.
  connection_zone = try(sort(keys(var.foundation.private_subnet_ids))[0], "")
}

resource "aws_glue_connection" "database" {
  for_each = local.external_databases

  name            = "${local.prefix}-${replace(each.key, "_", "-")}-${var.env}"
  description     = "Database ${each.key} of setup/external.json"
  connection_type = "JDBC"
  tags            = local.common_tags

  connection_properties = {
    JDBC_CONNECTION_URL = each.value.url
    JDBC_ENFORCE_SSL    = "true"
    SECRET_ID           = each.value.secret
  }

  physical_connection_requirements {
    availability_zone      = local.connection_zone
    security_group_id_list = [var.foundation.glue_job_security_group_id]
    subnet_id              = var.foundation.private_subnet_ids[local.connection_zone]
  }
}
