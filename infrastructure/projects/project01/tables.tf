# ─── Tables ───
# The project's contract with its readers is contract.odcs.yaml, which the jobs read, too.

locals {
  contract = "${path.root}/contract.odcs.yaml"
}
