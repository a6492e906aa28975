terraform {
  required_version = ">= 1.14"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }

  # No backend here: the first apply makes the bucket that the state then moves to. `setup/bootstrap.sh aws` writes
  # backend_override.tf and moves it (docs/adr/0034).
}

provider "aws" {
  region = try(local.domain.aws_region, null)
}
