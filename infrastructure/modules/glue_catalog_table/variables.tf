variable "columns" {
  description = "Columns in their order: name, Hive type and, if it helps, a comment."
  type = list(object({
    name    = string
    type    = string
    comment = optional(string)
  }))

  validation {
    condition     = length(var.columns) > 0 && length(distinct(var.columns[*].name)) == length(var.columns)
    error_message = "columns of ${var.name} are ${jsonencode(var.columns[*].name)}; expected at least one, each name once."
  }

  validation {
    condition     = alltrue([for column in var.columns : can(regex("^[a-z_][a-z0-9_]{0,254}$", column.name))])
    error_message = "columns of ${var.name} are ${jsonencode(var.columns[*].name)}; expected lower-case letters, digits and underscores in each name."
  }

  validation {
    condition     = length(setintersection(var.columns[*].name, var.partition_keys[*].name)) == 0
    error_message = "columns of ${var.name} hold its partition keys ${jsonencode(var.partition_keys[*].name)}; expected each in one place only."
  }
}

variable "database_name" {
  description = "Database of the table."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,254}$", var.database_name))
    error_message = "database_name is \"${var.database_name}\"; expected at most 255 lower-case letters, digits and underscores, starting with a letter."
  }
}

variable "description" {
  description = "What the table holds."
  type        = string

  validation {
    condition     = length(var.description) <= 2048
    error_message = "description of ${var.name} has ${length(var.description)} characters; expected at most 2048."
  }
}

variable "location" {
  description = "Where the data lies: s3://{layer bucket}/{project}/{table}/."
  type        = string

  validation {
    condition     = can(regex("^s3://[a-z0-9-]+/.+/$", var.location))
    error_message = "location of ${var.name} is \"${var.location}\"; expected s3://{bucket}/{project}/{table}/."
  }
}

variable "name" {
  description = "Name of the table."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,254}$", var.name))
    error_message = "name is \"${var.name}\" (${length(var.name)} characters); expected at most 255 lower-case letters, digits and underscores, starting with a letter."
  }
}

variable "partition_keys" {
  description = "Partition columns in their order: name, Hive type and, if it helps, a comment."
  type = list(object({
    name    = string
    type    = string
    comment = optional(string)
  }))
  default = []

  validation {
    condition     = alltrue([for key in var.partition_keys : can(regex("^[a-z_][a-z0-9_]{0,254}$", key.name))])
    error_message = "partition_keys of ${var.name} are ${jsonencode(var.partition_keys[*].name)}; expected lower-case letters, digits and underscores in each name."
  }
}
