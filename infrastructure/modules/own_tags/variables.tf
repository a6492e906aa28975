variable "file" {
  description = "Path of setup/tags.json, which may be missing."
  type        = string
}
