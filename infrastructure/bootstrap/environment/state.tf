# ─── Key ───

data "aws_iam_policy_document" "state_key" {
  statement {
    sid       = "AccountThroughIAM"
    actions   = ["kms:*"]
    resources = ["*"] # in a key's policy: this key

    principals {
      type        = "AWS"
      identifiers = ["${local.iam_arn}:root"]
    }
  }
}

resource "aws_kms_key" "state" {
  description             = "KMS key for ${var.domain_abbr} Terraform states - ${var.env}"
  deletion_window_in_days = 30
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.state_key.json
  tags                    = var.tags
}

resource "aws_kms_alias" "state" {
  name          = local.state_alias
  target_key_id = aws_kms_key.state.id
}

# ─── Bucket of the States ───
# Terraform locks in it by itself (use_lockfile). Its default encryption is the key above; a backend must not ask for
# `encrypt`, which means SSE-S3.

module "state" {
  source                             = "../../modules/s3_bucket"
  bucket_name                        = local.bucket_names.tfstate
  kms_key_arn                        = aws_kms_key.state.arn
  logging_bucket_id                  = module.state_logs.bucket_id
  logging_prefix                     = "tfstate/"
  noncurrent_version_expiration_days = 365
  prevent_destroy                    = true
  tags                               = var.tags
}

# Who read or wrote a state. The foundation's log bucket is made by what these states describe: too late, and it
# could be destroyed with them.
module "state_logs" {
  source            = "../../modules/s3_bucket"
  bucket_name       = local.bucket_names["tfstate-logs"]
  enable_versioning = false
  expiration_days   = { "tfstate/" = 365 }
  prevent_destroy   = true
  sse_algorithm     = "AES256"
  tags              = var.tags

  policy_statements = {
    AccessLogDelivery = {
      actions    = ["s3:PutObject"]
      paths      = ["tfstate/*"]
      principals = ["logging.s3.amazonaws.com"]
      conditions = [
        { test = "ArnLike", variable = "aws:SourceArn", values = [local.bucket_arns.tfstate] },
        { test = "StringEquals", variable = "aws:SourceAccount", values = [var.account_id] },
      ]
    }
  }
}
