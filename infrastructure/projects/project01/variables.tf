variable "env" {
  description = "Environment: dev, int or prod."
  type        = string
}
