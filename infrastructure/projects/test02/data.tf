# ─── What the Project Builds On ───

# Every name below comes from the foundation's state, and that is found by the account: nothing is planned
# before the project's own files are in order.
data "aws_caller_identity" "current" {
  lifecycle {
    precondition {
      condition     = length(local.config_problems) == 0
      error_message = join("\n", local.config_problems)
    }
  }
}

data "aws_partition" "current" {}

locals {
  foundation_state = {
    bucket = "${try(local.domain.domain_abbr, "")}-tfstate-${data.aws_caller_identity.current.account_id}-${var.env}"
    key    = "foundation/terraform.tfstate"
    region = local.region
  }
}

data "terraform_remote_state" "foundation" {
  backend = "s3"
  config  = local.foundation_state
}
