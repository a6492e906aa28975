variable "contract" {
  description = "Path of the project's contract.odcs.yaml."
  type        = string
}

variable "env" {
  description = "Environment: a folder of infrastructure/environments."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.env))
    error_message = "env is \"${var.env}\"; expected 2 to 8 lower-case letters and digits, starting with a letter."
  }
}

variable "folder" {
  description = "Path of the project's folder, which has its name."
  type        = string
}

variable "foundation" {
  description = "Outputs of the foundation in this environment, found by the output foundation_state."

  type = object({
    alarms_topic_arn             = string
    domain_abbr                  = string
    domain_name                  = string
    glue_connection_names        = list(string)
    glue_database_curated        = string
    glue_database_raw            = string
    glue_database_refined        = string
    glue_job_security_group_id   = string
    glue_security_configuration  = string
    kms_key_arn                  = string
    permissions_boundary_arn     = string
    private_subnet_ids           = map(string)
    s3_artifacts_bucket_id       = string
    s3_curated_bucket_id         = string
    s3_raw_bucket_id             = string
    s3_refined_bucket_id         = string
    sfn_observability_policy_arn = string
  })
}

variable "job_settings" {
  description = "What each Glue job has of its own, by the name of its script (setup/schemas/jobs.schema.json)."
  type        = any
}

variable "pipeline_jobs" {
  description = "The jobs of each pipeline in their order (setup/schemas/pipelines.schema.json)."
  type        = any
}

variable "pipeline_triggers" {
  description = "What starts each pipeline by itself (setup/schemas/triggers.schema.json). A pipeline that is not named is started by hand."
  type        = any
  default     = {}
}
