variable "kms_key_arn" {
  description = "ARN of the data lake's KMS key."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn is \"${var.kms_key_arn}\"; expected the ARN of one KMS key."
  }
}

variable "name" {
  description = "Full name of the role: {domain_abbr}-{purpose}-{env}."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.name))
    error_message = "name is \"${var.name}\" (${length(var.name)} characters); expected at most 64 letters, digits and _+=,.@- in a role's name."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the role (infrastructure/bootstrap). If empty, none does."
  type        = string
  default     = ""

  validation {
    condition     = var.permissions_boundary_arn == "" || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is \"${var.permissions_boundary_arn}\"; expected the ARN of a managed policy, or an empty string."
  }
}

variable "table_prefixes" {
  description = "Where the optimized tables lie: {bucket}/{prefix}, which may end in _*."
  type        = list(string)

  validation {
    condition     = length(var.table_prefixes) > 0
    error_message = "table_prefixes is empty; expected at least one table's {bucket}/{prefix}."
  }

  validation {
    condition     = alltrue([for prefix in var.table_prefixes : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/[A-Za-z0-9_.-]+)+(_\\*)?$", prefix))])
    error_message = "table_prefixes are ${jsonencode(var.table_prefixes)}; expected {bucket}/{prefix}, with no other wildcard than _* at the end, and no slash there."
  }
}

variable "tables" {
  description = "The optimized tables: {database}/{table}, which may end in _*."
  type        = list(string)

  validation {
    condition     = length(var.tables) > 0
    error_message = "tables is empty; expected at least one {database}/{table}."
  }

  validation {
    condition     = alltrue([for table in var.tables : can(regex("^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*(_\\*)?$", table))])
    error_message = "tables are ${jsonencode(var.tables)}; expected {database}/{table}, with no other wildcard than _* at the end."
  }
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
}
