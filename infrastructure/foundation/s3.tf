# ─── Access Logs ───
# The one bucket on AES256: S3 delivers no access logs to a bucket whose default encryption is SSE-KMS. It does
# not log itself (its logs would never end), and it cannot be destroyed (docs/adr/0002).

module "s3_logs" {
  source            = "../modules/s3_bucket"
  bucket_name       = local.bucket_names.logs
  enable_versioning = false
  expiration_days   = { for purpose in keys(local.data_bucket_arns) : "${purpose}/" => var.access_log_retention_days }
  prevent_destroy   = true
  sse_algorithm     = "AES256"
  tags              = local.common_tags

  # One statement a source: a bucket's logs come under its own prefix and nowhere else.
  policy_statements = {
    for purpose, arn in local.data_bucket_arns : "AccessLogDelivery${title(purpose)}" => {
      actions    = ["s3:PutObject"]
      paths      = ["${purpose}/*"]
      principals = ["logging.s3.amazonaws.com"]
      conditions = [
        { test = "ArnLike", variable = "aws:SourceArn", values = [arn] },
        { test = "StringEquals", variable = "aws:SourceAccount", values = [local.account_id] },
      ]
    }
  }
}

# ─── Data ───

locals {
  noncurrent_days = merge({ artifacts = 90, curated = 7, raw = 90, refined = 7 }, var.noncurrent_version_days)
}

module "s3_raw" {
  source            = "../modules/s3_bucket"
  bucket_name       = local.bucket_names.raw
  events_enabled    = true # a file that lands may start a pipeline
  kms_key_arn       = aws_kms_key.data_lake.arn
  logging_bucket_id = module.s3_logs.bucket_id
  logging_prefix    = "raw/"
  tags              = local.common_tags

  perimeter_org_id                   = var.perimeter_org_id
  noncurrent_version_expiration_days = local.noncurrent_days.raw
}

module "s3_refined" {
  source            = "../modules/s3_bucket"
  bucket_name       = local.bucket_names.refined
  kms_key_arn       = aws_kms_key.data_lake.arn
  logging_bucket_id = module.s3_logs.bucket_id
  logging_prefix    = "refined/"
  tags              = local.common_tags

  perimeter_org_id                   = var.perimeter_org_id
  noncurrent_version_expiration_days = local.noncurrent_days.refined
}

module "s3_curated" {
  source            = "../modules/s3_bucket"
  bucket_name       = local.bucket_names.curated
  kms_key_arn       = aws_kms_key.data_lake.arn
  logging_bucket_id = module.s3_logs.bucket_id
  logging_prefix    = "curated/"
  tags              = local.common_tags

  perimeter_org_id                   = var.perimeter_org_id
  noncurrent_version_expiration_days = local.noncurrent_days.curated
}

# ─── Artifacts ───
# The wheel, the job scripts, and under temp/ what jobs leave behind while they run.

module "s3_artifacts" {
  source            = "../modules/s3_bucket"
  bucket_name       = local.bucket_names.artifacts
  expiration_days   = { "temp/" = 7 }
  kms_key_arn       = aws_kms_key.data_lake.arn
  logging_bucket_id = module.s3_logs.bucket_id
  logging_prefix    = "artifacts/"
  tags              = local.common_tags

  perimeter_org_id                   = var.perimeter_org_id
  noncurrent_version_expiration_days = local.noncurrent_days.artifacts
}
