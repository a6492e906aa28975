variable "description" {
  description = "What the role is for."
  type        = string

  validation {
    condition     = length(var.description) <= 1000
    error_message = "description of ${var.name} has ${length(var.description)} characters; expected at most 1000."
  }
}

variable "inline_policies" {
  description = "Policy documents (JSON) of the role's own, by name."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for policy in var.inline_policies : can(jsondecode(policy).Statement)])
    error_message = "inline_policies of ${var.name} are ${jsonencode(keys(var.inline_policies))}; expected a JSON policy with statements in each."
  }
}

variable "managed_policy_arns" {
  description = "ARNs of managed policies to attach, by a name of your choice."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in var.managed_policy_arns : can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/.+$", arn))])
    error_message = "managed_policy_arns of ${var.name} are ${jsonencode(values(var.managed_policy_arns))}; expected ARNs of IAM policies."
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

variable "service" {
  description = "Service that assumes the role, such as states.amazonaws.com."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+\\.amazonaws\\.com(\\.cn)?$", var.service))
    error_message = "service of ${var.name} is \"${var.service}\"; expected a service principal such as states.amazonaws.com."
  }
}

variable "source_arns" {
  description = "ARNs of the resources on whose behalf the service may assume the role; wildcards are allowed."
  type        = list(string)

  validation {
    condition     = length(var.source_arns) > 0 && alltrue([for arn in var.source_arns : can(regex("^arn:[a-z-]+:[a-z0-9-]+:.+$", arn))])
    error_message = "source_arns of ${var.name} are ${jsonencode(var.source_arns)}; expected at least one ARN, each naming its service."
  }
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
}
