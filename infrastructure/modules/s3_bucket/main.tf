# ─── S3 Bucket ───
# A private, encrypted bucket that is reached over TLS only. One bucket has one policy: what else a bucket
# has to allow comes in as `policy_statements` and is rendered into the same document.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # Built from the name, not from the resource, so that the policy can be read in every plan.
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket_name}"

  account_keys = "arn:${data.aws_partition.current.partition}:kms:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:key/*"

  # A request that names no key gets the bucket's own. What is encrypted with another account's key is that account's
  # to give back. The key's exact ARN is not known in a plan; which of this account's keys a role of the domain may
  # use is the boundary's to say (docs/adr/0041).
  refused_headers = {
    DenyForeignKeys     = { header = "x-amz-server-side-encryption-aws-kms-key-id", unless = { ArnNotLike = local.account_keys } }
    DenyKeysOfRequests  = { header = "x-amz-server-side-encryption-customer-algorithm", unless = {} }
    DenyOtherEncryption = { header = "x-amz-server-side-encryption", unless = { StringNotEquals = "aws:kms" } }
  }
  key_statements = {
    for sid, refused in local.refused_headers : sid => {
      actions        = ["s3:PutObject"]
      effect         = "Deny"
      paths          = ["*"]
      principal_type = "*"
      principals     = ["*"]
      conditions = concat(
        [{ test = "Null", variable = "s3:${refused.header}", values = ["false"] }],
        [for test, value in refused.unless : { test = test, variable = "s3:${refused.header}", values = [value] }],
      )
    } if var.sse_algorithm == "aws:kms" && var.has_own_key
  }
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV2_AWS_62: files start pipelines in the raw bucket alone (events_enabled); nobody listens to the others
  # checkov:skip=CKV_AWS_144: a copy in another Region is a decision on cost and residence that a domain has to take
  # checkov:skip=CKV_AWS_18: the log bucket logs nothing; control s3-access-logging holds every other bucket to it
  # checkov:skip=CKV_AWS_21: the log bucket keeps no versions; control s3-versioning holds every other bucket to it
  # checkov:skip=CKV_AWS_145: no logs are delivered under SSE-KMS; control s3-customer-key holds every other bucket to it
  bucket        = var.bucket_name
  force_destroy = var.force_destroy
  tags          = var.tags
}

# A lifecycle block takes no variable. This resource carries the literal `prevent_destroy` instead: it hangs on
# the bucket's id, so no plan that would destroy or replace the bucket is accepted (docs/adr/0002).
resource "terraform_data" "destroy_guard" {
  count            = var.prevent_destroy ? 1 : 0
  triggers_replace = aws_s3_bucket.this.id

  lifecycle {
    prevent_destroy = true
  }
}

# ─── Access ───

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "DenyInsecureTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.bucket_arn, "${local.bucket_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid       = "DenyOutdatedTLS"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.bucket_arn, "${local.bucket_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "NumericLessThan"
      variable = "s3:TlsVersion"
      values   = ["1.2"]
    }
  }

  dynamic "statement" {
    for_each = var.perimeter_org_id != "" ? [true] : []

    content {
      sid       = "DataPerimeter"
      effect    = "Deny"
      actions   = ["s3:*"]
      resources = [local.bucket_arn, "${local.bucket_arn}/*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "StringNotEqualsIfExists"
        variable = "aws:PrincipalOrgID"
        values   = [var.perimeter_org_id]
      }

      condition {
        test     = "BoolIfExists"
        variable = "aws:PrincipalIsAWSService"
        values   = ["false"]
      }
    }
  }

  dynamic "statement" {
    for_each = merge(local.key_statements, var.policy_statements)

    content {
      sid       = statement.key
      effect    = statement.value.effect
      actions   = statement.value.actions
      resources = [for path in statement.value.paths : "${local.bucket_arn}/${path}"]

      principals {
        type        = statement.value.principal_type
        identifiers = statement.value.principals
      }

      dynamic "condition" {
        for_each = statement.value.conditions

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.bucket
  policy = data.aws_iam_policy_document.this.json

  # S3 refuses concurrent changes to a bucket's policy and to its public access block.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# ─── Data Protection ───

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.bucket

  rule {
    bucket_key_enabled = var.sse_algorithm == "aws:kms"

    apply_server_side_encryption_by_default {
      kms_master_key_id = var.sse_algorithm == "aws:kms" && var.kms_key_arn != "" ? var.kms_key_arn : null
      sse_algorithm     = var.sse_algorithm
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.bucket

  versioning_configuration {
    status = var.enable_versioning ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.bucket

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.abort_incomplete_upload_days
    }
  }

  dynamic "rule" {
    for_each = var.enable_versioning ? [var.noncurrent_version_expiration_days] : []

    content {
      id     = "expire-noncurrent-versions"
      status = "Enabled"

      filter {}

      # Removes the delete markers that no version stands behind any more.
      expiration {
        expired_object_delete_marker = true
      }

      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = var.expiration_days

    content {
      id     = "expire-${trimsuffix(rule.key, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }
    }
  }

  # A rule on noncurrent versions needs the bucket's versioning first.
  depends_on = [aws_s3_bucket_versioning.this]
}

# ─── Events ───

resource "aws_s3_bucket_notification" "this" {
  count = var.events_enabled ? 1 : 0

  bucket      = aws_s3_bucket.this.bucket
  eventbridge = true
}

# ─── Server Access Logging ───

resource "aws_s3_bucket_logging" "this" {
  count         = var.logging_bucket_id != "" ? 1 : 0
  bucket        = aws_s3_bucket.this.bucket
  target_bucket = var.logging_bucket_id
  target_prefix = var.logging_prefix != "" ? var.logging_prefix : "${var.bucket_name}/"
}
