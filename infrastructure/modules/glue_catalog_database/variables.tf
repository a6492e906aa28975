variable "default_table_permissions" {
  description = "What Lake Formation lets whom do with new tables, by principal. IAM_ALLOWED_PRINCIPALS means that IAM alone decides."
  type        = map(set(string))
  default     = { IAM_ALLOWED_PRINCIPALS = ["ALL"] }

  validation {
    condition     = length(var.default_table_permissions) > 0 && alltrue([for given in var.default_table_permissions : length(given) > 0 && length(setsubtract(given, ["ALL", "ALTER", "DELETE", "DROP", "INSERT", "SELECT"])) == 0])
    error_message = "default_table_permissions are ${jsonencode(var.default_table_permissions)}; expected at least one principal, each with some of ALL, ALTER, DELETE, DROP, INSERT, SELECT."
  }
}

variable "description" {
  description = "What the database holds."
  type        = string

  validation {
    condition     = length(var.description) <= 2048
    error_message = "description has ${length(var.description)} characters; expected at most 2048."
  }
}

variable "location_uri" {
  description = "Where tables without a location of their own are put: s3://{bucket}/."
  type        = string

  validation {
    condition     = can(regex("^s3://[a-z0-9-]+/", var.location_uri))
    error_message = "location_uri is \"${var.location_uri}\"; expected s3://{bucket}/ or a prefix below it."
  }
}

variable "name" {
  description = "Full name of the database: {domain_abbr}_{layer}_{env}."
  type        = string

  validation {
    # Hyphens would have to be quoted in every query; upper case is folded by the catalog.
    condition     = can(regex("^[a-z][a-z0-9_]{0,254}$", var.name))
    error_message = "name is \"${var.name}\" (${length(var.name)} characters); expected at most 255 lower-case letters, digits and underscores, starting with a letter."
  }
}

variable "tags" {
  description = "Tags of the database."
  type        = map(string)
  default     = {}
}
