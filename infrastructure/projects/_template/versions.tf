terraform {
  required_version = ">= 1.14"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }

  # Partial: environments/<env>/backend.conf, and -backend-config="key=projects/<name>/terraform.tfstate".
  backend "s3" {}
}

provider "aws" {
  region = module.project.region
}
