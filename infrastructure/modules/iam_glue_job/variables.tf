variable "connection_names" {
  description = "Glue network connections that the jobs use."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.connection_names : can(regex("^[A-Za-z0-9_-]{1,255}$", name))])
    error_message = "connection_names are ${jsonencode(var.connection_names)}; expected names of connections, without wildcards."
  }
}

variable "external_keys" {
  description = "KMS keys of others that decrypt what is read, each through one service: arn and service (s3 or secretsmanager)."
  type        = list(object({ arn = string, service = string }))
  default     = []

  validation {
    condition     = alltrue([for key in var.external_keys : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", key.arn)) && contains(["s3", "secretsmanager"], key.service)])
    error_message = "external_keys are ${jsonencode(var.external_keys)}; expected ARNs of single KMS keys, through s3 or secretsmanager."
  }
}

variable "external_reads" {
  description = "Objects outside the domain that the jobs read: bucket and prefix, which may be empty."
  type        = list(object({ bucket = string, prefix = string }))
  default     = []

  validation {
    condition     = alltrue([for each in var.external_reads : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", each.bucket)) && can(regex("^([A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*)?$", each.prefix))])
    error_message = "external_reads are ${jsonencode(var.external_reads)}; expected buckets and prefixes, without wildcards or a slash at the end."
  }
}

variable "job_names" {
  description = "The project's jobs, whose bookmarks the role may keep."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.job_names : can(regex("^[A-Za-z0-9_-]{1,255}$", name))])
    error_message = "job_names are ${jsonencode(var.job_names)}; expected names of jobs, without wildcards."
  }
}

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

variable "read_prefixes" {
  description = "Objects that the jobs only read: {bucket}/{prefix}."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for prefix in var.read_prefixes : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/[A-Za-z0-9_.-]+)+$", prefix))])
    error_message = "read_prefixes are ${jsonencode(var.read_prefixes)}; expected {bucket}/{prefix}, without wildcards or a slash at the end."
  }
}

variable "secret_names" {
  description = "Secrets of the account that the jobs read: the credentials of their databases."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.secret_names : can(regex("^[A-Za-z0-9/_+=.@-]{1,500}$", name))])
    error_message = "secret_names are ${jsonencode(var.secret_names)}; expected names of secrets, without wildcards."
  }
}

variable "shared_tables" {
  description = "Tables of other projects that the jobs only read: table as {database}/{table}, prefix as {bucket}/{project}/{table}. Both may end in _*."
  type        = list(object({ prefix = string, table = string }))
  default     = []

  validation {
    condition     = alltrue([for each in var.shared_tables : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/[A-Za-z0-9_.-]+)+(_\\*)?$", each.prefix)) && can(regex("^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*(_\\*)?$", each.table))])
    error_message = "shared_tables are ${jsonencode(var.shared_tables)}; expected {bucket}/{project}/{table} and {database}/{table}, with no other wildcard than _* at the end."
  }
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
}

variable "write_prefixes" {
  description = "Objects that the jobs read and write: {bucket}/{prefix}."
  type        = list(string)

  validation {
    condition     = length(var.write_prefixes) > 0
    error_message = "write_prefixes is empty; expected at least the project's own prefix."
  }

  validation {
    condition     = alltrue([for prefix in var.write_prefixes : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/[A-Za-z0-9_.-]+)+$", prefix))])
    error_message = "write_prefixes are ${jsonencode(var.write_prefixes)}; expected {bucket}/{prefix}, without wildcards or a slash at the end."
  }
}

variable "write_tables" {
  description = "Tables that the jobs read and write: {database}/{table}, which may end in _*."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for table in var.write_tables : can(regex("^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*(_\\*)?$", table))])
    error_message = "write_tables are ${jsonencode(var.write_tables)}; expected {database}/{table}, with no other wildcard than _* at the end."
  }
}
