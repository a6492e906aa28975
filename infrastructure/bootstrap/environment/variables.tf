variable "account_id" {
  description = "The account."
  type        = string
}

variable "audience" {
  description = "The `aud` claim of GitHub's tokens."
  type        = string
}

variable "aws_region" {
  description = "Region of the domain: aws_region of setup/domain.json."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "setup/domain.json: aws_region is \"${var.aws_region}\"; expected an AWS Region such as \"eu-central-1\"."
  }
}

variable "deploy_subjects" {
  description = "Exact subjects that may assume the deploy role."
  type        = list(string)
}

variable "domain_abbr" {
  description = "Prefix of every name: domain_abbr of setup/domain.json."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.domain_abbr))
    error_message = "setup/domain.json: domain_abbr is \"${var.domain_abbr}\"; expected 2 to 8 lower-case letters and digits, starting with a letter."
  }
}

variable "domain_name" {
  description = "Value of the tag Domain: domain_name of setup/domain.json."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,62}$", var.domain_name))
    error_message = "setup/domain.json: domain_name is \"${var.domain_name}\"; expected 2 to 63 lower-case letters, digits and hyphens, starting with a letter."
  }
}

variable "env" {
  description = "Environment: a folder of infrastructure/environments."
  type        = string
}

variable "external_buckets" {
  description = "Buckets outside the domain that jobs may read (setup/external.json)."
  type        = map(object({ bucket = string, prefix = string }))
}

variable "external_secrets" {
  description = "Names of the secrets that jobs may read (setup/external.json)."
  type        = list(string)
}

variable "issuer" {
  description = "Host of GitHub's identity provider."
  type        = string
}

variable "made_before" {
  description = "What has to be there before the roles: GitHub's identity provider, which their trust names."
  type        = list(string)
}

variable "partition" {
  description = "Partition of the account, such as \"aws\"."
  type        = string
}

variable "plan_subjects" {
  description = "Exact subjects that may assume the plan role."
  type        = list(string)
}

variable "tags" {
  description = "Tags of everything here."
  type        = map(string)
}
