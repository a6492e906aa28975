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
}

variable "compaction_enabled" {
  description = "Whether small files are compacted; of no use for a table that is written once."
  type        = bool
  default     = true
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
  description = "Where the data lies: s3://{layer bucket}/{project}/{table}."
  type        = string

  validation {
    # Some writers of Iceberg put "/metadata" behind it: https://github.com/apache/iceberg/issues/4582
    condition     = can(regex("^s3://[a-z0-9-]+(/[^/]+)+$", var.location))
    error_message = "location of ${var.name} is \"${var.location}\"; expected s3://{bucket}/{project}/{table}, without a slash at the end."
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

variable "optimizer_role_arn" {
  description = "ARN of the role that the three optimizers run as."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.optimizer_role_arn))
    error_message = "optimizer_role_arn of ${var.name} is \"${var.optimizer_role_arn}\"; expected the ARN of an IAM role."
  }
}

variable "orphan_file_retention_days" {
  description = "Age in days from which a file that no snapshot refers to is deleted."
  type        = number
  default     = 3

  validation {
    # A writer's files are orphans until its commit: the age must outlast the longest job.
    condition     = var.orphan_file_retention_days >= 3 && floor(var.orphan_file_retention_days) == var.orphan_file_retention_days
    error_message = "orphan_file_retention_days of ${var.name} is ${var.orphan_file_retention_days}; expected a whole number of at least 3, so that no file of a running job is deleted."
  }
}

variable "snapshot_retention_days" {
  description = "Days that a snapshot stays readable (time travel, rollback)."
  type        = number
  default     = 5

  validation {
    condition     = var.snapshot_retention_days >= 1 && floor(var.snapshot_retention_days) == var.snapshot_retention_days
    error_message = "snapshot_retention_days of ${var.name} is ${var.snapshot_retention_days}; expected a whole number of at least 1."
  }
}

variable "snapshots_to_retain" {
  description = "Snapshots that are kept whatever their age."
  type        = number
  default     = 1

  validation {
    condition     = var.snapshots_to_retain >= 1 && floor(var.snapshots_to_retain) == var.snapshots_to_retain
    error_message = "snapshots_to_retain of ${var.name} is ${var.snapshots_to_retain}; expected a whole number of at least 1."
  }
}
