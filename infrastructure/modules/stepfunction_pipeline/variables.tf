variable "description" {
  description = "What the pipeline does; the comment of its definition."
  type        = string
  default     = "Runs Glue jobs in their order"
}

variable "glue_job_names" {
  description = "Ordered list of Glue job names to execute sequentially."
  type        = list(string)

  validation {
    condition     = length(var.glue_job_names) <= 99 && alltrue([for name in var.glue_job_names : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$", name))])
    error_message = "glue_job_names of ${var.pipeline_name} are ${jsonencode(var.glue_job_names)}; expected at most 99 names of Glue jobs."
  }
}

variable "job_timeout_minutes" {
  description = "Each job's own time limit, by its name. A job's state is given up an hour later; 60 where none is named."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for minutes in var.job_timeout_minutes : minutes >= 1 && minutes <= 10080 && floor(minutes) == minutes])
    error_message = "job_timeout_minutes of ${var.pipeline_name} are ${jsonencode(var.job_timeout_minutes)}; expected whole numbers from 1 to 10080 (a week)."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the log group."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn of ${var.pipeline_name} is \"${var.kms_key_arn}\"; expected the ARN of one KMS key."
  }
}

variable "log_retention_days" {
  description = "Days that the executions' log is kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days of ${var.pipeline_name} is ${var.log_retention_days}; expected a retention that CloudWatch offers (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days and longer ones)."
  }
}

variable "max_attempts" {
  description = "Times that a job is started again when Glue is busy."
  type        = number
  default     = 6

  validation {
    condition     = var.max_attempts >= 1 && var.max_attempts <= 20 && floor(var.max_attempts) == var.max_attempts
    error_message = "max_attempts of ${var.pipeline_name} is ${var.max_attempts}; expected a whole number from 1 to 20."
  }
}

variable "overlap" {
  description = "What an execution does while an earlier one runs: wait for its turn, or skip its jobs."
  type        = string
  default     = "wait"

  validation {
    condition     = contains(["skip", "wait"], var.overlap)
    error_message = "overlap of ${var.pipeline_name} is \"${var.overlap}\"; expected skip or wait."
  }
}

variable "pipeline_name" {
  description = "Full name of the state machine: {domain_abbr}-{project}-{pipeline}-{env}."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,80}$", var.pipeline_name))
    error_message = "pipeline_name is \"${var.pipeline_name}\" (${length(var.pipeline_name)} characters); expected at most 80 letters, digits, hyphens and underscores."
  }
}

variable "release" {
  description = "Where the jobs' code is by version: an execution looks once for the version in use and runs all its jobs with that one. Bucket, the package's key, and the script's key by job name."
  type = object({
    bucket  = string
    package = string
    scripts = map(string)
  })

  validation {
    condition     = length(setsubtract(var.glue_job_names, keys(var.release.scripts))) == 0
    error_message = "release.scripts of ${var.pipeline_name} are of ${jsonencode(keys(var.release.scripts))}; expected one of each job of glue_job_names (${jsonencode(var.glue_job_names)})."
  }
}

variable "role_arn" {
  description = "ARN of the role that executions run as."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_arn))
    error_message = "role_arn of ${var.pipeline_name} is \"${var.role_arn}\"; expected the ARN of an IAM role."
  }
}

variable "settle_seconds" {
  description = "Seconds from an execution's start until it asks whether others run; files that land meanwhile are its own."
  type        = number
  default     = 2

  validation {
    condition     = var.settle_seconds >= 1 && var.settle_seconds <= 3600 && floor(var.settle_seconds) == var.settle_seconds
    error_message = "settle_seconds of ${var.pipeline_name} is ${var.settle_seconds}; expected a whole number from 1 to 3600."
  }
}

variable "tags" {
  description = "Tags of the state machine and of its log group."
  type        = map(string)
  default     = {}
}

variable "timeout_seconds" {
  description = "Seconds after which a whole execution is ended; never before its jobs have had their time, and twice as many where it may wait for another."
  type        = number
  default     = 28800

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 31536000 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds of ${var.pipeline_name} is ${var.timeout_seconds}; expected a whole number from 1 to 31536000 (a year)."
  }
}
