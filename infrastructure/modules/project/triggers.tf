# ─── Triggers ───
# What starts a pipeline by itself, as pipeline_triggers of pipelines.tf says: schedules, files that land, and pipelines
# of other projects that have succeeded. A pipeline that is not named there is started by hand.

locals {
  triggers = {
    for pipeline, trigger in try(merge(var.pipeline_triggers), {}) : pipeline => {
      after     = try([for each in trigger.after : tostring(each)], [])
      files     = try([for each in trigger.files : tostring(each)], [])
      schedules = try(merge(trigger.schedules), {})
    } if contains(keys(local.pipelines), pipeline) && try(contains(trigger.environments, var.env), true) # checks.tf names the others
  }

  # What an execution does while another one runs, in every environment; checks.tf names what is neither.
  overlap = {
    for pipeline in keys(local.pipelines) : pipeline => try(
      [for each in [var.pipeline_triggers[pipeline].overlap] : each if contains(local.trigger_fields.overlap.enum, each)][0], "wait"
    )
  }
  # A burst of files is to be one execution: it lets them land first.
  settle_seconds = {
    for pipeline in keys(local.pipelines) : pipeline => try(length(local.triggers[pipeline].files), 0) == 0 ? 2 : try(
      [for each in [var.pipeline_triggers[pipeline].settle_seconds] : each if each >= 1 && each <= 3600 && floor(each) == each][0], 30
    )
  }
}

# ─── Roles ───
# Each starts one pipeline, for its schedules, its files or the pipelines that it follows.

locals {
  events_arn = "arn:${local.partition}:events:${local.region}:${local.account_id}"
  starters = merge(
    {
      # The scheduler names the group, never the schedule.
      # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
      for pipeline in distinct([for schedule in local.schedules : schedule.pipeline]) : "${pipeline}.cron" => {
        pipeline = pipeline
        service  = "scheduler.amazonaws.com"
        source   = "arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule-group/${local.prefix}-${var.env}"
      }
    },
    {
      for key, rule in local.start_rules : key => {
        pipeline = rule.pipeline
        service  = "events.amazonaws.com"
        source   = "${local.events_arn}:rule/${rule.name}"
      }
    },
  )
}

data "aws_iam_policy_document" "start_pipeline" {
  for_each = local.starters

  statement {
    sid       = "StartPipeline"
    actions   = ["states:StartExecution"]
    resources = [local.pipeline_arns[each.value.pipeline]]
  }
}

module "iam_start" {
  source   = "../iam_role"
  for_each = local.starters

  description              = "Start the pipeline ${local.pipelines[each.value.pipeline].name}"
  inline_policies          = { start-pipeline = data.aws_iam_policy_document.start_pipeline[each.key].json }
  name                     = "${local.prefix}-${replace(replace(each.key, ".", "-"), "_", "-")}-${var.env}"
  permissions_boundary_arn = var.foundation.permissions_boundary_arn
  service                  = each.value.service
  source_arns              = [each.value.source]
  tags                     = local.common_tags
}

# ─── Schedules ───

locals {
  schedules = merge([
    for pipeline, trigger in local.triggers : {
      for name, schedule in trigger.schedules : "${pipeline}.${name}" => {
        expression       = try(tostring(schedule.expression), "")
        flexible_minutes = try(tonumber(schedule.flexible_minutes), 0)
        name             = "${local.prefix}-${replace(pipeline, "_", "-")}-${replace(name, "_", "-")}-${var.env}"
        pipeline         = pipeline
        time_zone        = try(tostring(schedule.time_zone), "UTC")
      }
    }
  ]...)
}

# A group of the project's own: its roles can be assumed for nobody else's schedules.
resource "aws_scheduler_schedule_group" "this" {
  count = length(local.schedules) > 0 ? 1 : 0

  name = "${local.prefix}-${var.env}"
  tags = local.common_tags
}

resource "aws_scheduler_schedule" "this" {
  # checkov:skip=CKV_AWS_297: a schedule holds no data, its input is the moment that it is due
  for_each = local.schedules

  name                         = each.value.name
  description                  = "Starts ${local.pipelines[each.value.pipeline].name}"
  group_name                   = aws_scheduler_schedule_group.this[0].name
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.time_zone

  flexible_time_window {
    mode                      = each.value.flexible_minutes > 0 ? "FLEXIBLE" : "OFF"
    maximum_window_in_minutes = each.value.flexible_minutes > 0 ? each.value.flexible_minutes : null
  }

  target {
    arn      = local.pipeline_arns[each.value.pipeline]
    role_arn = module.iam_start["${each.value.pipeline}.cron"].role_arn
    # The scheduler fills in the moment, which a job that judges by it takes. jsonencode would escape the brackets.
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    input = "{\"arguments\":{\"--due_at\":\"<aws.scheduler.scheduled-time>\"}}"

    # A start that is an hour late is of no use to anybody who waits for the day's data.
    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }
  }
}

# ─── Rules ───
# A pipeline starts when one of the pipelines in `after` has succeeded ({project}/{pipeline}, of a project that
# project.json depends on), or when a file lands below landing/{project}/ whose path begins as one of `files` says.

locals {
  start_rules = {
    for key, rule in merge(
      {
        for pipeline, trigger in local.triggers : "${pipeline}.after" => {
          description = "Starts ${local.pipelines[pipeline].name} after ${join(", ", trigger.after)}"
          input_paths = {}
          template    = jsonencode({})
          pipeline    = pipeline
          pattern = jsonencode({
            source      = ["aws.states"]
            detail-type = ["Step Functions Execution Status Change"]
            detail = {
              stateMachineArn = [
                for each in trigger.after :
                "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${var.foundation.domain_abbr}-${replace(replace(each, "/", "-"), "_", "-")}-${var.env}"
              ]
              status = ["SUCCEEDED"]
              # One that was skipped has succeeded in nothing.
              output = [{ anything-but = { prefix = "{\"skipped\"" } }]
            }
          })
        } if length(trigger.after) > 0
      },
      {
        for pipeline, trigger in local.triggers : "${pipeline}.files" => {
          description = "Starts ${local.pipelines[pipeline].name} when files land"
          input_paths = { bucket = "$.detail.bucket.name", key = "$.detail.object.key" }
          template    = "{\"file\": {\"bucket\": <bucket>, \"key\": <key>}}"
          pipeline    = pipeline
          pattern = jsonencode({
            source      = ["aws.s3"]
            detail-type = ["Object Created"]
            detail = {
              bucket = { name = [local.buckets.raw] }
              object = { key = [for each in trigger.files : { prefix = "landing/${local.project}/${each}" }] }
            }
          })
        } if length(trigger.files) > 0
      },
    ) : key => merge(rule, { name = "${local.prefix}-${replace(replace(key, ".", "-"), "_", "-")}-${var.env}" })
  }
}

resource "aws_cloudwatch_event_rule" "start" {
  for_each = local.start_rules

  name          = each.value.name
  description   = each.value.description
  event_pattern = each.value.pattern
  tags          = local.common_tags
}

resource "aws_cloudwatch_event_target" "start" {
  for_each = local.start_rules

  rule      = aws_cloudwatch_event_rule.start[each.key].name
  target_id = "pipeline"
  arn       = local.pipeline_arns[each.value.pipeline]
  role_arn  = module.iam_start[each.key].role_arn
  input     = length(each.value.input_paths) == 0 ? each.value.template : null

  dynamic "input_transformer" {
    for_each = length(each.value.input_paths) > 0 ? [each.value] : []

    content {
      input_paths    = input_transformer.value.input_paths
      input_template = input_transformer.value.template
    }
  }
}
