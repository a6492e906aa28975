# ─── Schedules ───
# What starts a pipeline by itself, as pipeline_triggers of pipelines.tf says: schedules, and pipelines of other projects
# that have succeeded. A pipeline that is not named there is started by hand.

locals {
  triggers = {
    for pipeline, trigger in try(merge(var.pipeline_triggers), {}) : pipeline => {
      after     = try([for each in trigger.after : tostring(each)], [])
      schedules = try(merge(trigger.schedules), {})
    } if contains(keys(local.pipelines), pipeline) && try(contains(trigger.environments, var.env), true) # checks.tf names the others
  }
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
  scheduled = toset([for schedule in local.schedules : schedule.pipeline])

  # What an execution does while another one runs, in every environment; checks.tf names what is neither.
  overlap = {
    for pipeline in keys(local.pipelines) : pipeline => try(
      [for each in [var.pipeline_triggers[pipeline].overlap] : each if contains(local.trigger_fields.overlap.enum, each)][0], "wait"
    )
  }
}

# A group of the project's own: its roles can be assumed for nobody else's schedules.
resource "aws_scheduler_schedule_group" "this" {
  count = length(local.schedules) > 0 ? 1 : 0

  name = "${local.prefix}-${var.env}"
  tags = local.common_tags
}

data "aws_iam_policy_document" "start_pipeline" {
  for_each = setunion(local.scheduled, local.followers)

  statement {
    sid       = "StartPipeline"
    actions   = ["states:StartExecution"]
    resources = [local.pipeline_arns[each.value]]
  }
}

module "iam_schedule" {
  source   = "../iam_role"
  for_each = local.scheduled

  description              = "Start the pipeline ${local.pipelines[each.value].name} by its schedules"
  inline_policies          = { start-pipeline = data.aws_iam_policy_document.start_pipeline[each.value].json }
  name                     = "${local.prefix}-${replace(each.value, "_", "-")}-cron-${var.env}"
  permissions_boundary_arn = var.foundation.permissions_boundary_arn
  service                  = "scheduler.amazonaws.com"
  # The scheduler names the group, never the schedule.
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
  source_arns = ["arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule-group/${local.prefix}-${var.env}"]
  tags        = local.common_tags
}

resource "aws_scheduler_schedule" "this" {
  # checkov:skip=CKV_AWS_297: a schedule holds no data, its input is an empty object
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
    role_arn = module.iam_schedule[each.value.pipeline].role_arn
    input    = jsonencode({})

    # A start that is an hour late is of no use to anybody who waits for the day's data.
    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }
  }
}

# ─── After Other Projects ───
# A pipeline starts when one of the pipelines that it names in `after` has succeeded: {project}/{pipeline}, of a project
# that project.json depends on.

locals {
  followers = toset([for pipeline, trigger in local.triggers : pipeline if length(trigger.after) > 0])
  follow_rules = {
    for pipeline in local.followers : pipeline => "${local.prefix}-${replace(pipeline, "_", "-")}-after-${var.env}"
  }
}

resource "aws_cloudwatch_event_rule" "after" {
  for_each = local.follow_rules

  name        = each.value
  description = "Starts ${local.pipelines[each.key].name} after ${join(", ", local.triggers[each.key].after)}"
  tags        = local.common_tags

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [
        for each in local.triggers[each.key].after :
        "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${var.foundation.domain_abbr}-${replace(replace(each, "/", "-"), "_", "-")}-${var.env}"
      ]
      status = ["SUCCEEDED"]
      # One that was skipped has succeeded in nothing.
      output = [{ anything-but = { prefix = "{\"skipped\"" } }]
    }
  })
}

module "iam_after" {
  source   = "../iam_role"
  for_each = local.follow_rules

  description              = "Start the pipeline ${local.pipelines[each.key].name} after those of other projects"
  inline_policies          = { start-pipeline = data.aws_iam_policy_document.start_pipeline[each.key].json }
  name                     = "${local.prefix}-${replace(each.key, "_", "-")}-after-${var.env}"
  permissions_boundary_arn = var.foundation.permissions_boundary_arn
  service                  = "events.amazonaws.com"
  source_arns              = ["arn:${local.partition}:events:${local.region}:${local.account_id}:rule/${each.value}"]
  tags                     = local.common_tags
}

resource "aws_cloudwatch_event_target" "after" {
  for_each = local.follow_rules

  rule      = aws_cloudwatch_event_rule.after[each.key].name
  target_id = "pipeline"
  arn       = local.pipeline_arns[each.key]
  role_arn  = module.iam_after[each.key].role_arn
  input     = jsonencode({})
}
