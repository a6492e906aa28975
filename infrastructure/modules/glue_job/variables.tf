variable "additional_python_modules" {
  description = "Zips of wheels in S3 that are installed before the script runs: the core library."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for file in var.additional_python_modules : can(regex("^s3://[a-z0-9-]+/.+\\.gluewheels\\.zip$", file))])
    error_message = "additional_python_modules of ${var.name} are ${jsonencode(var.additional_python_modules)}; expected s3://{bucket}/{key}.gluewheels.zip."
  }
}

variable "arguments" {
  description = "Arguments of the script, which it reads with getResolvedOptions; each name starts with \"--\"."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.arguments) : can(regex("^--[A-Za-z_][A-Za-z0-9_-]*$", name))])
    error_message = "arguments of ${var.name} are ${jsonencode(keys(var.arguments))}; expected each name to start with \"--\"."
  }

  validation {
    condition     = length(setintersection(keys(var.arguments), ["--TempDir", "--additional-python-modules", "--conf", "--datalake-formats", "--extra-py-files", "--job-bookmark-option", "--python-modules-installer-option"])) == 0
    error_message = "arguments of ${var.name} are ${jsonencode(keys(var.arguments))}; expected none that this module sets from variables of its own (--TempDir, --additional-python-modules, --conf, --datalake-formats, --extra-py-files, --job-bookmark-option, --python-modules-installer-option)."
  }
}

variable "connections" {
  description = "Glue network connections that put the job into the VPC; Glue takes the next one when a subnet is full."
  type        = list(string)
  default     = []
}

variable "description" {
  description = "What the job does."
  type        = string

  validation {
    condition     = length(var.description) <= 2048
    error_message = "description of ${var.name} has ${length(var.description)} characters; expected at most 2048."
  }
}

variable "execution_class" {
  description = "STANDARD, or FLEX for jobs that may wait for spare capacity."
  type        = string
  default     = "STANDARD"

  validation {
    condition     = contains(["FLEX", "STANDARD"], var.execution_class)
    error_message = "execution_class of ${var.name} is \"${var.execution_class}\"; expected \"STANDARD\" or \"FLEX\"."
  }
}

variable "extra_py_files" {
  description = "Archives in S3 that are put on the Python path: the project's package. A wheel is none of them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for file in var.extra_py_files : can(regex("^s3://[a-z0-9-]+/.+\\.(egg|py|zip)$", file))])
    error_message = "extra_py_files of ${var.name} are ${jsonencode(var.extra_py_files)}; expected s3://{bucket}/{key} that end in .zip, .egg or .py."
  }
}

variable "glue_version" {
  description = "Glue version; 5.1 is Spark 3.5.6, Python 3.11, Iceberg 1.10."
  type        = string
  default     = "5.1"

  validation {
    condition     = can(regex("^(5\\.[1-9]|[6-9]\\.[0-9])$", var.glue_version))
    error_message = "glue_version of ${var.name} is \"${var.glue_version}\"; expected 5.1 or newer."
  }
}

variable "job_bookmark_option" {
  description = "Whether Glue remembers which input a job has read: job-bookmark-enable, -disable or -pause."
  type        = string
  default     = "job-bookmark-disable"

  validation {
    condition     = contains(["job-bookmark-disable", "job-bookmark-enable", "job-bookmark-pause"], var.job_bookmark_option)
    error_message = "job_bookmark_option of ${var.name} is \"${var.job_bookmark_option}\"; expected job-bookmark-enable, job-bookmark-disable or job-bookmark-pause."
  }
}

variable "max_concurrent_runs" {
  description = "Runs of the job that may go on at once."
  type        = number
  default     = 1

  validation {
    condition     = var.max_concurrent_runs >= 1 && var.max_concurrent_runs <= 1000 && floor(var.max_concurrent_runs) == var.max_concurrent_runs
    error_message = "max_concurrent_runs of ${var.name} is ${var.max_concurrent_runs}; expected a whole number from 1 to 1000."
  }
}

variable "max_retries" {
  description = "Times that Glue itself runs a failed job again. 0, because Step Functions sees only the first attempt's end."
  type        = number
  default     = 0

  validation {
    condition     = var.max_retries >= 0 && var.max_retries <= 10 && floor(var.max_retries) == var.max_retries
    error_message = "max_retries of ${var.name} is ${var.max_retries}; expected a whole number from 0 to 10."
  }
}

variable "name" {
  description = "Full name of the job: {domain_abbr}-{project}-{job}-{env}."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$", var.name))
    error_message = "name is \"${var.name}\" (${length(var.name)} characters); expected at most 255 letters, digits, hyphens and underscores."
  }
}

variable "number_of_workers" {
  description = "Workers of a run, the driver among them."
  type        = number
  default     = 2

  validation {
    condition     = var.number_of_workers >= 2 && var.number_of_workers <= 299 && floor(var.number_of_workers) == var.number_of_workers
    error_message = "number_of_workers of ${var.name} is ${var.number_of_workers}; expected a whole number from 2 to 299."
  }
}

variable "role_arn" {
  description = "ARN of the role that the job runs as."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_arn))
    error_message = "role_arn of ${var.name} is \"${var.role_arn}\"; expected the ARN of an IAM role."
  }
}

variable "script_location" {
  description = "The script: s3://{artifacts bucket}/jobs/{project}/{job}.py."
  type        = string

  validation {
    condition     = can(regex("^s3://[a-z0-9-]+/.+\\.py$", var.script_location))
    error_message = "script_location of ${var.name} is \"${var.script_location}\"; expected s3://{bucket}/{key}.py."
  }
}

variable "security_configuration" {
  description = "Glue security configuration that encrypts the job's output, logs and bookmarks."
  type        = string

  validation {
    condition     = length(var.security_configuration) > 0
    error_message = "security_configuration of ${var.name} is empty; expected the name of a Glue security configuration."
  }
}

variable "tags" {
  description = "Tags of the job."
  type        = map(string)
  default     = {}
}

variable "temp_dir" {
  description = "Where the job puts temporary objects: s3://{bucket}/{prefix}/."
  type        = string

  validation {
    condition     = can(regex("^s3://[a-z0-9-]+/.+/$", var.temp_dir))
    error_message = "temp_dir of ${var.name} is \"${var.temp_dir}\"; expected s3://{bucket}/{prefix}/."
  }
}

variable "timeout_minutes" {
  description = "Minutes after which a run is ended."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout_minutes >= 1 && var.timeout_minutes <= 480 && floor(var.timeout_minutes) == var.timeout_minutes
    error_message = "timeout_minutes of ${var.name} is ${var.timeout_minutes}; expected a whole number from 1 to 480 (eight hours)."
  }
}

variable "warehouse" {
  description = "Warehouse of the Iceberg catalog: s3://{bucket}/{prefix}/."
  type        = string

  validation {
    condition     = can(regex("^s3://[a-z0-9-]+/", var.warehouse))
    error_message = "warehouse of ${var.name} is \"${var.warehouse}\"; expected s3://{bucket}/{prefix}/."
  }
}

variable "worker_type" {
  description = "Size of a worker."
  type        = string
  default     = "G.1X"

  validation {
    # The larger and the R workers of Glue are not known to version 5 of the provider.
    condition     = contains(["G.1X", "G.2X", "G.4X", "G.8X"], var.worker_type)
    error_message = "worker_type of ${var.name} is \"${var.worker_type}\"; expected G.1X, G.2X, G.4X or G.8X."
  }

  validation {
    # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html
    condition     = var.execution_class != "FLEX" || contains(["G.1X", "G.2X"], var.worker_type)
    error_message = "worker_type of ${var.name} is \"${var.worker_type}\"; expected G.1X or G.2X for execution_class FLEX."
  }
}
