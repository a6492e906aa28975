variable "abort_incomplete_upload_days" {
  description = "Days after which the parts of an unfinished multipart upload are removed."
  type        = number
  default     = 7

  validation {
    condition     = var.abort_incomplete_upload_days >= 1 && floor(var.abort_incomplete_upload_days) == var.abort_incomplete_upload_days
    error_message = "abort_incomplete_upload_days is ${var.abort_incomplete_upload_days}; expected a whole number of at least 1."
  }
}

variable "bucket_name" {
  description = "Full name of the bucket: {domain_abbr}-{purpose}-{account_id}-{env}."
  type        = string

  validation {
    # No dots: they break the TLS certificate of virtual-hosted addresses.
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name is \"${var.bucket_name}\" (${length(var.bucket_name)} characters); expected 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "enable_versioning" {
  description = "Whether the bucket keeps the previous versions of its objects."
  type        = bool
  default     = true
}

variable "events_enabled" {
  description = "Whether what happens to the bucket's objects is told to EventBridge, whose rules may start pipelines."
  type        = bool
  default     = false
}

variable "expiration_days" {
  description = "Days after which the objects under a prefix expire, by prefix ending in \"/\" (none by default)."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for prefix, days in var.expiration_days : endswith(prefix, "/") && days >= 1 && floor(days) == days])
    error_message = "expiration_days is ${jsonencode(var.expiration_days)}; expected prefixes that end in \"/\", each with a whole number of days of at least 1."
  }
}

variable "force_destroy" {
  description = "Whether destroying the bucket also deletes the objects in it."
  type        = bool
  default     = false

  validation {
    condition     = !(var.force_destroy && var.prevent_destroy)
    error_message = "force_destroy is true; expected false for a bucket with prevent_destroy."
  }
}

variable "has_own_key" {
  description = "Whether the bucket refuses keys of other accounts, other encryption than aws:kms, and keys in requests."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the bucket. If empty, aws:kms uses the key that AWS manages (aws/s3)."
  type        = string
  default     = ""

  validation {
    condition     = var.kms_key_arn == "" || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn is \"${var.kms_key_arn}\"; expected the ARN of a KMS key (an alias is resolved too late), or an empty string."
  }
}

variable "logging_bucket_id" {
  description = "S3 bucket ID for server access logging. Leave empty to disable."
  type        = string
  default     = ""

  validation {
    condition     = var.logging_bucket_id != var.bucket_name
    error_message = "logging_bucket_id is \"${var.logging_bucket_id}\", the bucket itself; expected another bucket, because logs of log deliveries never end."
  }
}

variable "logging_prefix" {
  description = "Prefix for access log objects within the logging bucket. Defaults to the bucket's name."
  type        = string
  default     = ""

  validation {
    condition     = var.logging_prefix == "" || endswith(var.logging_prefix, "/")
    error_message = "logging_prefix is \"${var.logging_prefix}\"; expected a prefix that ends in \"/\"."
  }
}

variable "noncurrent_version_expiration_days" {
  description = "Days that a replaced or deleted version of an object is kept."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_version_expiration_days >= 1 && floor(var.noncurrent_version_expiration_days) == var.noncurrent_version_expiration_days
    error_message = "noncurrent_version_expiration_days is ${var.noncurrent_version_expiration_days}; expected a whole number of at least 1."
  }
}

variable "perimeter_org_id" {
  description = "AWS organization to whose identities, and AWS services, the bucket is limited. If empty, IAM alone decides."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(o-[a-z0-9]{10,32})?$", var.perimeter_org_id))
    error_message = "perimeter_org_id is \"${var.perimeter_org_id}\"; expected the id of an AWS organization such as \"o-a1b2c3d4e5\", or an empty string."
  }
}

variable "policy_statements" {
  description = "Further statements of the bucket's one policy, by sid; `paths` are object keys, with wildcards, in this bucket."
  type = map(object({
    actions        = list(string)
    effect         = optional(string, "Allow")
    paths          = list(string)
    principal_type = optional(string, "Service")
    principals     = list(string)
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for statement in var.policy_statements : contains(["Allow", "Deny"], statement.effect)])
    error_message = "policy_statements has effects ${jsonencode([for statement in var.policy_statements : statement.effect])}; expected \"Allow\" or \"Deny\"."
  }

  validation {
    condition     = length(setintersection(keys(var.policy_statements), ["DataPerimeter", "DenyForeignKeys", "DenyInsecureTransport", "DenyKeysOfRequests", "DenyOtherEncryption", "DenyOutdatedTLS"])) == 0
    error_message = "policy_statements has the sids ${jsonencode(keys(var.policy_statements))}; expected none of DataPerimeter, DenyForeignKeys, DenyInsecureTransport, DenyKeysOfRequests, DenyOtherEncryption and DenyOutdatedTLS, which the module makes."
  }
}

variable "prevent_destroy" {
  description = "Whether plans that destroy or replace the bucket are refused (docs/adr/0002 says how to lift it)."
  type        = bool
  default     = false
}

variable "sse_algorithm" {
  description = "Default encryption: aws:kms, or AES256 for a target of access logs, whose delivery stops on aws:kms."
  type        = string
  default     = "aws:kms"

  validation {
    condition     = contains(["aws:kms", "AES256"], var.sse_algorithm)
    error_message = "sse_algorithm is \"${var.sse_algorithm}\"; expected \"aws:kms\" or \"AES256\"."
  }
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  default     = {}
}
