# ─── Log Groups of the Jobs ───
# Glue names the groups of jobs with a security configuration after it and the role. Both of these forms were seen, and
# AWS documents neither in full: a group that Glue does not use stays empty and costs nothing. Made here, the groups
# have the key and a retention before the first run.
# https://docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html

locals {
  security_configuration = var.foundation.glue_security_configuration
  log_groups = toset(flatten([
    for stream in ["error", "output"] : [
      "/aws-glue/jobs/${local.security_configuration}-role/${local.job_role}/${stream}",
      "/aws-glue/jobs-${local.job_role}-${local.security_configuration}/${stream}",
    ]
  ]))
}

resource "aws_cloudwatch_log_group" "jobs" {
  # checkov:skip=CKV_AWS_338: runs are looked into within weeks
  for_each = local.log_groups

  name              = each.key
  kms_key_id        = var.foundation.kms_key_arn
  retention_in_days = 90
  tags              = local.common_tags
}
