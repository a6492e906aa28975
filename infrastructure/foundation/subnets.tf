# ─── Private Subnets ───

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  availability_zones = slice(sort(data.aws_availability_zones.available.names), 0, var.availability_zone_count)

  # Sixteenths of the VPC, one a zone; the rest is room to grow.
  subnet_cidrs = { for index, zone in local.availability_zones : zone => cidrsubnet(var.vpc_cidr, 4, index) }
}

resource "aws_subnet" "private" {
  for_each = local.subnet_cidrs

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = merge(local.common_tags, {
    Name = "${var.domain_abbr}-private-${each.key}-${var.env}"
  })
}

# Local routes, and the one to S3 that the gateway endpoint adds.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id

  tags = merge(local.common_tags, {
    Name = "${var.domain_abbr}-private-${var.env}"
  })
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  route_table_id = aws_route_table.private.id
  subnet_id      = each.value.id
}

# ─── Endpoints ───

# The domain's own buckets, for identities of this account: credentials of another account that are smuggled in
# cannot carry data out through this endpoint.
data "aws_iam_policy_document" "s3_endpoint" {
  statement {
    sid = "DomainBuckets"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetBucketLocation",
      "s3:GetObject",
      "s3:ListBucket",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = flatten([for arn in values(local.data_bucket_arns) : [arn, "${arn}/*"]])

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account_id]
    }
  }

  # Of others, to be read alone.
  dynamic "statement" {
    for_each = length(var.external_buckets) > 0 ? [true] : []

    content {
      sid     = "ExternalBuckets"
      actions = ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"]
      resources = flatten([
        for each in values(var.external_buckets) : concat(
          ["arn:${local.partition}:s3:::${each.bucket}"],
          each.prefix == "" ? [] : ["arn:${local.partition}:s3:::${each.bucket}/${each.prefix}"],
          ["arn:${local.partition}:s3:::${join("/", compact([each.bucket, each.prefix, "*"]))}"],
        )
      ])

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:PrincipalAccount"
        values   = [local.account_id]
      }
    }
  }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${var.aws_region}.s3"
  vpc_endpoint_type = "Gateway"
  policy            = data.aws_iam_policy_document.s3_endpoint.json
  route_table_ids   = [aws_route_table.private.id]

  tags = merge(local.common_tags, {
    Name = "${var.domain_abbr}-s3-${var.env}"
  })
}

data "aws_iam_policy_document" "interface_endpoint" {
  statement {
    sid       = "IdentitiesOfThisAccount"
    actions   = ["*"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_vpc_endpoint" "interface" {
  # A job reads its database's credentials when it runs.
  for_each = setunion(var.interface_endpoints, length(var.databases) > 0 ? ["secretsmanager"] : [])

  vpc_id              = aws_vpc.main.id
  service_name        = "com.amazonaws.${var.aws_region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  policy              = data.aws_iam_policy_document.interface_endpoint.json
  private_dns_enabled = true
  security_group_ids  = [aws_security_group.glue_endpoint.id]
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]

  tags = merge(local.common_tags, {
    Name = "${var.domain_abbr}-${each.key}-${var.env}"
  })
}

# ─── Security Group of the Interface Endpoints ───

resource "aws_security_group" "glue_endpoint" {
  name        = "${var.domain_abbr}-glue-endpoint-${var.env}"
  description = "Interface endpoints of the AWS services that Glue jobs call"
  vpc_id      = aws_vpc.main.id

  tags = merge(local.common_tags, {
    Name = "${var.domain_abbr}-glue-endpoint-${var.env}"
  })
}

resource "aws_vpc_security_group_ingress_rule" "endpoint_https_from_jobs" {
  security_group_id            = aws_security_group.glue_endpoint.id
  description                  = "HTTPS from Glue jobs"
  from_port                    = 443
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.glue_job.id
  to_port                      = 443
  tags                         = local.common_tags
}

resource "aws_vpc_security_group_egress_rule" "endpoint_https_to_vpc" {
  security_group_id = aws_security_group.glue_endpoint.id
  cidr_ipv4         = var.vpc_cidr
  description       = "HTTPS within the VPC"
  from_port         = 443
  ip_protocol       = "tcp"
  tags              = local.common_tags
  to_port           = 443
}

# ─── Security Group of the Glue Jobs ───

resource "aws_security_group" "glue_job" {
  # checkov:skip=CKV2_AWS_5: Glue attaches it to the interfaces of a job's workers, by the network connection
  name        = "${var.domain_abbr}-glue-job-${var.env}"
  description = "Glue jobs: shuffle among workers, HTTPS to endpoints"
  vpc_id      = aws_vpc.main.id

  tags = merge(local.common_tags, {
    Name = "${var.domain_abbr}-glue-job-${var.env}"
  })
}

# Glue insists on a self-referencing rule for all TCP ports, in both directions.
resource "aws_vpc_security_group_ingress_rule" "job_shuffle" {
  security_group_id            = aws_security_group.glue_job.id
  description                  = "Glue worker shuffle traffic (self)"
  from_port                    = 0
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.glue_job.id
  tags                         = local.common_tags
  to_port                      = 65535
}

resource "aws_vpc_security_group_egress_rule" "job_shuffle" {
  security_group_id            = aws_security_group.glue_job.id
  description                  = "Glue worker shuffle traffic (self)"
  from_port                    = 0
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.glue_job.id
  tags                         = local.common_tags
  to_port                      = 65535
}

resource "aws_vpc_security_group_egress_rule" "job_https_to_vpc" {
  security_group_id = aws_security_group.glue_job.id
  cidr_ipv4         = var.vpc_cidr
  description       = "HTTPS to the interface endpoints"
  from_port         = 443
  ip_protocol       = "tcp"
  tags              = local.common_tags
  to_port           = 443
}

# A gateway endpoint leaves S3 at its public addresses: without this rule jobs are cut off from their data.
resource "aws_vpc_security_group_egress_rule" "job_https_to_s3" {
  security_group_id = aws_security_group.glue_job.id
  description       = "HTTPS to S3 through the gateway endpoint"
  from_port         = 443
  ip_protocol       = "tcp"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  tags              = local.common_tags
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "job_to_database" {
  for_each = var.databases

  security_group_id = aws_security_group.glue_job.id
  cidr_ipv4         = each.value.cidr
  description       = "Database ${each.key} outside the domain"
  from_port         = each.value.port
  ip_protocol       = "tcp"
  tags              = local.common_tags
  to_port           = each.value.port
}
