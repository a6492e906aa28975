variable "env" {
  description = "Environment: a folder of infrastructure/environments."
  type        = string
}

variable "file" {
  description = "Path of setup/external.json, which may be missing."
  type        = string
}
