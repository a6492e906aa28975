variable "env" {
  description = "Environment: dev, int or prod."
  type        = string

  validation {
    condition     = contains(["dev", "int", "prod"], var.env)
    error_message = "env is \"${var.env}\"; expected \"dev\", \"int\" or \"prod\"."
  }
}
