# ─── Alarms ───
# Executions that did not succeed are told to the domain's topic, within seconds.

locals {
  states_console = "https://${local.region}.console.aws.amazon.com/states/home?region=${local.region}#/v2/executions/details"
  pipeline_arns  = { for key, pipeline in local.pipelines : key => "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${pipeline.name}" }
}

resource "aws_cloudwatch_event_rule" "failed" {
  count = length(local.pipelines) > 0 ? 1 : 0

  name        = "${local.prefix}-failed-${var.env}"
  description = "Executions of ${local.project} that did not succeed"
  tags        = local.common_tags

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = values(local.pipeline_arns)
      status          = ["ABORTED", "FAILED", "TIMED_OUT"]
    }
  })
}

# A variable outside of quotes stands for its value as JSON: a cause has quotes of its own. One that the event lacks,
# such as the cause of what somebody stopped without a word, is empty.
resource "aws_cloudwatch_event_target" "alarms" {
  count = length(local.pipelines) > 0 ? 1 : 0

  rule      = aws_cloudwatch_event_rule.failed[0].name
  target_id = "alarms"
  arn       = var.foundation.alarms_topic_arn

  input_transformer {
    input_paths = {
      cause     = "$.detail.cause"
      error     = "$.detail.error"
      execution = "$.detail.executionArn"
      pipeline  = "$.detail.stateMachineArn"
      status    = "$.detail.status"
      time      = "$.time"
    }
    input_template = <<-EOT
      {
        "project": ${jsonencode(local.project)},
        "environment": ${jsonencode(var.env)},
        "owner": ${jsonencode(try(tostring(local.config.owner), ""))},
        "pipeline": <pipeline>,
        "status": <status>,
        "time": <time>,
        "execution": <execution>,
        "error": <error>,
        "cause": <cause>,
        "console": "${local.states_console}/<execution>"
      }
    EOT
  }
}
