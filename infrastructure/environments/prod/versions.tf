terraform {
  required_version = ">= 1.14"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }

  # Partial: setup/init-terraform.sh writes backend.conf.
  backend "s3" {}
}

provider "aws" {
  region = try(local.domain.aws_region, null)
}
