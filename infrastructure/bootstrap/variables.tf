variable "create_oidc_provider" {
  description = "Whether to make GitHub's identity provider. False if the account has it already: there can be one only."
  type        = bool
  default     = true
}

variable "deploy_subjects" {
  description = "Who may assume each environment's deploy role: exact `sub` claims of GitHub's tokens, by environment."
  type        = map(list(string))

  validation {
    condition = alltrue(flatten([
      for subjects in values(var.deploy_subjects) : [
        for subject in subjects : can(regex("^repo:[A-Za-z0-9][A-Za-z0-9-]*(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?:(environment:[A-Za-z0-9._-]+|ref:refs/heads/[A-Za-z0-9._/-]+)$", subject))
      ]
    ]))
    error_message = "deploy_subjects are ${jsonencode(var.deploy_subjects)}; expected exact subjects without wildcards, \"repo:ORG/REPO:environment:NAME\" or \"repo:ORG/REPO:ref:refs/heads/BRANCH\" (with \"ORG@ID/REPO@ID\" for repositories since 2026-07-15)."
  }

  validation {
    condition     = length(flatten(values(var.deploy_subjects))) == length(distinct(flatten(values(var.deploy_subjects))))
    error_message = "deploy_subjects are ${jsonencode(var.deploy_subjects)}; expected each subject once: what deploys one environment must not deploy another."
  }

  validation {
    condition     = alltrue([for env in coalesce(var.environments, toset(keys(var.deploy_subjects))) : length(lookup(var.deploy_subjects, env, [])) > 0])
    error_message = "deploy_subjects name ${jsonencode(keys(var.deploy_subjects))}; expected at least one subject for each of ${jsonencode(coalesce(var.environments, toset(keys(var.deploy_subjects))))}."
  }
}

variable "environments" {
  description = "The environments that live in this account. By default all that deploy_subjects name."
  type        = set(string)
  default     = null

  validation {
    condition     = var.environments == null ? true : length(var.environments) > 0 && alltrue([for env in var.environments : can(regex("^[a-z][a-z0-9]{1,7}$", env))])
    error_message = "environments are ${jsonencode(var.environments)}; expected at least one, each of 2 to 8 lower-case letters and digits, starting with a letter."
  }
}

variable "plan_subjects" {
  description = "Who may assume each environment's read-only plan role: exact `sub` claims, by environment."
  type        = map(list(string))

  validation {
    condition = alltrue(flatten([
      for subjects in values(var.plan_subjects) : [
        for subject in subjects : can(regex("^repo:[A-Za-z0-9][A-Za-z0-9-]*(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?:(environment:[A-Za-z0-9._-]+|pull_request|ref:refs/heads/[A-Za-z0-9._/-]+)$", subject))
      ]
    ]))
    error_message = "plan_subjects are ${jsonencode(var.plan_subjects)}; expected exact subjects without wildcards, \"repo:ORG/REPO:pull_request\" or one that deploy_subjects take."
  }

  validation {
    condition     = alltrue([for env in coalesce(var.environments, toset(keys(var.deploy_subjects))) : length(lookup(var.plan_subjects, env, [])) > 0])
    error_message = "plan_subjects name ${jsonencode(keys(var.plan_subjects))}; expected at least one subject for each of ${jsonencode(coalesce(var.environments, toset(keys(var.deploy_subjects))))}."
  }
}
