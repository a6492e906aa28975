# ─── Tables ───
# The project's contract with its readers is tables.json, which the jobs read, too.

locals {
  contract = "${path.root}/tables.json"
}
