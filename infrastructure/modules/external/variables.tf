variable "env" {
  description = "Environment: dev, int or prod."
  type        = string
}

variable "file" {
  description = "Path of setup/external.json, which may be missing."
  type        = string
}
