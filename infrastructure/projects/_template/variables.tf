variable "env" {
  description = "Environment: a folder of infrastructure/environments."
  type        = string
}
