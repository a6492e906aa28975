# ─── What the Project Builds On ───

data "terraform_remote_state" "foundation" {
  backend = "s3"
  config  = module.project.foundation_state
}
