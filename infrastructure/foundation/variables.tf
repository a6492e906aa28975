variable "access_log_retention_days" {
  description = "Days that S3 access logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = var.access_log_retention_days >= 90 && floor(var.access_log_retention_days) == var.access_log_retention_days
    error_message = "access_log_retention_days is ${var.access_log_retention_days}; expected a whole number of at least 90, for audits."
  }
}

variable "alarm_subscribers" {
  description = "Who hears of executions that did not succeed: e-mail addresses, HTTPS addresses, ARNs of queues or functions."
  type        = set(object({ endpoint = string, protocol = string }))
  default     = []

  validation {
    condition = alltrue([
      for each in var.alarm_subscribers : can(regex(lookup({
        email      = "^[^@ ]+@[^@ ]+$"
        email-json = "^[^@ ]+@[^@ ]+$"
        https      = "^https://[^ ]+$"
        lambda     = "^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[^ ]+$"
        sqs        = "^arn:[a-z-]+:sqs:[a-z0-9-]+:[0-9]{12}:[^ ]+$"
      }, each.protocol, "^$"), each.endpoint)) && each.endpoint != ""
    ])
    error_message = "alarm_subscribers are ${jsonencode(var.alarm_subscribers)}; expected each with a protocol (email, email-json, https, lambda or sqs) and an endpoint that fits it: an e-mail address, an address that begins with https://, or the ARN of a function or queue."
  }
}

variable "availability_zone_count" {
  description = "Availability zones that get a private subnet."
  type        = number
  default     = 2

  validation {
    condition     = contains([2, 3, 4], var.availability_zone_count)
    error_message = "availability_zone_count is ${var.availability_zone_count}; expected 2, 3 or 4."
  }
}

variable "aws_region" {
  description = "Region of the domain: aws_region of setup/domain.json."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "setup/domain.json: aws_region is ${var.aws_region == "" ? "missing" : jsonencode(var.aws_region)}; expected an AWS Region such as \"eu-central-1\"."
  }
}

variable "databases" {
  description = "Databases outside the domain that jobs reach, each at its port (setup/external.json)."
  type        = map(object({ cidr = string, port = number }))
  default     = {}

  validation {
    condition     = alltrue([for database in var.databases : can(cidrnetmask(database.cidr)) && try(tonumber(split("/", database.cidr)[1]) >= 24, false) && database.port >= 1 && database.port <= 65535])
    error_message = "databases are ${jsonencode(var.databases)}; expected each with an IPv4 range from /24 to /32 and a port from 1 to 65535."
  }
}

variable "default_table_permissions" {
  description = "What Lake Formation lets whom do with new tables, by principal. By default IAM alone decides."
  type        = map(set(string))
  default     = { IAM_ALLOWED_PRINCIPALS = ["ALL"] }
}

variable "domain_abbr" {
  description = "Prefix of every name: domain_abbr of setup/domain.json."
  type        = string

  validation {
    # At most eight: the longest bucket name has to fit into 63 characters, the longest role name into 64.
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.domain_abbr))
    error_message = "setup/domain.json: domain_abbr is ${var.domain_abbr == "" ? "missing" : jsonencode(var.domain_abbr)}; expected 2 to 8 lower-case letters and digits, starting with a letter."
  }
}

variable "domain_name" {
  description = "Name of the domain, for tags: domain_name of setup/domain.json."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,62}$", var.domain_name))
    error_message = "setup/domain.json: domain_name is ${var.domain_name == "" ? "missing" : jsonencode(var.domain_name)}; expected 2 to 63 lower-case letters, digits and hyphens, starting with a letter."
  }
}

variable "env" {
  description = "Environment: a folder of infrastructure/environments."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.env))
    error_message = "env is \"${var.env}\"; expected 2 to 8 lower-case letters and digits, starting with a letter."
  }
}

variable "external_buckets" {
  description = "Buckets outside the domain that jobs read, each below its prefix if it has one (setup/external.json)."
  type        = map(object({ bucket = string, prefix = string }))
  default     = {}
}

variable "flow_log_retention_days" {
  description = "Days that the VPC's flow log is kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_retention_days)
    error_message = "flow_log_retention_days is ${var.flow_log_retention_days}; expected a retention that CloudWatch offers, of at least 90 days (90, 120, 150, 180, 365 and longer ones)."
  }
}

variable "interface_endpoints" {
  description = "AWS services that are reached through an interface endpoint: the five that every Glue job calls. Secrets Manager is added where there are databases."
  type        = set(string)
  default     = ["glue", "kms", "logs", "monitoring", "sts"]

  validation {
    condition     = length(setsubtract(["glue", "kms", "logs", "monitoring", "sts"], var.interface_endpoints)) == 0
    error_message = "interface_endpoints are ${jsonencode(var.interface_endpoints)}; expected at least glue, kms, logs, monitoring and sts, which Glue jobs without an internet route need."
  }
}

variable "noncurrent_version_days" {
  description = "Days that a replaced or deleted object is kept, by bucket, where it is not as by default: 90 in raw and artifacts, 7 in refined and curated, where every file that was compacted is paid for until then."
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.noncurrent_version_days), ["artifacts", "curated", "raw", "refined"])) == 0 && alltrue([for days in var.noncurrent_version_days : days >= 1 && floor(days) == days])
    error_message = "noncurrent_version_days are ${jsonencode(var.noncurrent_version_days)}; expected whole numbers of at least 1 by artifacts, curated, raw or refined."
  }
}

variable "perimeter_org_id" {
  description = "AWS organization to whose identities the data buckets are limited, such as \"o-a1b2c3d4e5\". If empty, IAM alone decides."
  type        = string
  default     = ""
}

variable "permissions_boundary" {
  description = "Purpose in the name of the policy that bounds every role: {domain_abbr}-{purpose}-{env}. If empty, none does."
  type        = string
  default     = "boundary"

  validation {
    condition     = can(regex("^([a-z][a-z0-9-]*)?$", var.permissions_boundary))
    error_message = "permissions_boundary is \"${var.permissions_boundary}\"; expected lower-case letters, digits and hyphens, or an empty string."
  }
}

variable "tags" {
  description = "The team's own tags of everything, beside the domain's."
  type        = map(string)
  default     = {}
}

variable "vpc_cidr" {
  description = "IPv4 range of the VPC."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    # A sixteenth of a /24 is a /28, the smallest subnet there is.
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 24, false)
    error_message = "vpc_cidr is \"${var.vpc_cidr}\"; expected an IPv4 range from /16 to /24, such as \"10.0.0.0/16\"."
  }
}
