# ─── Step Functions Pipeline ───
# A state machine that runs Glue jobs one after the other and waits for each. A job that fails ends the execution
# as FAILED, with the job's own error and cause; what is only busy (throttling, concurrent runs) is tried again.
# An execution's input may have arguments for all of its jobs: {"arguments": {"--full_rebuild": "true"}}. Each job
# takes those that it declares, and they win over its own; without any it runs on its own alone.
# With dates in the input ({"dates": ["2026-11-01", "2026-11-02"]}) all jobs run for one date after the other, each with it
# as --ingestion_date: a backfill.
# The version of the code is looked up once, at the start: all jobs of an execution run that one, also while a newer
# one is uploaded or an older one comes back (docs/adr/0046-one-execution-runs-one-version.md).
# Executions do not overlap: the one that began first runs, another waits for it or is skipped. One that a file has
# started ("file" in its input) is skipped, too, if an earlier one that has not begun yet will read that file
# (docs/adr/0050-one-execution-at-a-time.md).

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# ─── Definition ───

locals {
  # The position makes a name unique (a job may be listed twice, and a-b and a_b meet after the replacement);
  # the cut keeps it, with Date_ before it, within the 80 characters that a state name may have.
  state_names = [for position, job in var.glue_job_names : substr(format("Run_%02d_%s", position + 1, replace(job, "-", "_")), 0, 75)]
  first       = try(local.state_names[0], local.succeeded)
  # A job's own time limit counts from when it runs. An hour more is for what waits before: capacity, other runs.
  task_timeouts = [for job in var.glue_job_names : (lookup(var.job_timeout_minutes, job, 60) + 60) * 60]

  asked     = "HasArguments"
  dated     = "HasDates"
  date_done = "DateDone"
  each_date = "EachDate"
  awaiting  = "AwaitTurn"
  failed    = "PipelineFailed"
  listed    = "ListRunning"
  resolved  = "ResolveVersion"
  settled   = "Settle"
  skipped   = "PipelineSkipped"
  succeeded = "PipelineSucceeded"
  turn      = "MayRun"
  without   = "NoArguments"

  # With the time that an execution may wait for the one before it. An execution has 25,000 events at most, and asking
  # whether it is its turn makes nine of them.
  # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
  run_seconds     = max(var.timeout_seconds, sum(concat([0], local.task_timeouts)))
  timeout_seconds = local.run_seconds * (var.overlap == "wait" ? 2 : 1)
  poll_seconds    = max(30, ceil(local.timeout_seconds / 2000))

  # ─── Turn ───
  # A listing is eventually consistent, so an execution settles before it asks, and asks again if it is not listed.
  # Who is first is the same in everyone's listing: by start, then by ARN. A page has the latest; a token after it
  # says that there are earlier ones.
  running  = "$states.input.running"
  me       = "$states.context.Execution.Id"
  queue    = "$queue := [${local.running}.Executions^(StartDate, ExecutionArn)]; $more := $exists(${local.running}.NextToken)"
  is_first = "(${local.queue}; $not($more) and $queue[0].ExecutionArn = ${local.me})"
  is_skipped = {
    skip = "${local.me} in ${local.running}.Executions.ExecutionArn"
    # There is one that begins after this one has been started: the second of the queue, or a first that still settles.
    wait = <<-EOT
      (
        ${local.queue};
        $mine := $queue[ExecutionArn = ${local.me}];
        $earlier := $count($queue[StartDate < $mine.StartDate or (StartDate = $mine.StartDate and ExecutionArn < ${local.me})]);
        $settles := $toMillis($mine.StartDate) - $toMillis($queue[0].StartDate) < ${var.settle_seconds * 1000};
        $exists($states.input.file) and $exists($mine) and ($earlier + ($more ? 1 : 0) > 1 or ($earlier = 1 and $settles))
      )
    EOT
  }
  turn_states = {
    (local.settled) = {
      Type    = "Wait"
      Seconds = var.settle_seconds
      Next    = local.listed
    }
    (local.listed) = {
      Type     = "Task"
      Resource = "arn:${data.aws_partition.current.partition}:states:::aws-sdk:sfn:listExecutions"
      Parameters = {
        "StateMachineArn.$" = "$$.StateMachine.Id"
        MaxResults          = 100
        StatusFilter        = "RUNNING"
      }
      ResultPath     = "$.running"
      TimeoutSeconds = 60
      Retry          = local.service_retry
      Catch          = local.catch
      Next           = local.turn
    }
    (local.turn) = {
      Type          = "Choice"
      QueryLanguage = "JSONata"
      Choices = [
        { Condition = "{% ${local.is_first} %}", Next = local.resolved },
        { Condition = "{% ${trimspace(replace(local.is_skipped[var.overlap], "/\\s+/", " "))} %}", Next = local.skipped },
      ]
      Default = local.awaiting
    }
    (local.awaiting) = {
      Type    = "Wait"
      Seconds = local.poll_seconds
      Next    = local.listed
    }
    # Rules that follow this pipeline tell a skipped execution by its output.
    (local.skipped) = {
      Type          = "Succeed"
      QueryLanguage = "JSONata"
      Output        = { skipped = true }
    }
  }

  service_retry = [{
    ErrorEquals     = ["States.TaskFailed"]
    BackoffRate     = 2
    IntervalSeconds = 2
    JitterStrategy  = "FULL"
    MaxAttempts     = 3
  }]
  catch = [{
    ErrorEquals = ["States.ALL"]
    Next        = local.failed
    ResultPath  = "$.failure"
  }]

  # The archive that a deployment copies last says which version is in use, and all of that version is there.
  bucket = "s3://${var.release.bucket}"
  begin_states = {
    (local.resolved) = {
      Type       = "Task"
      Resource   = "arn:${data.aws_partition.current.partition}:states:::aws-sdk:s3:headObject"
      Parameters = { Bucket = var.release.bucket, Key = "wheels/core-latest.gluewheels.zip" }
      ResultPath = "$.release"
      ResultSelector = merge({ "version.$" = "$.Metadata.version" }, {
        for position, job in var.glue_job_names : local.state_names[position] => {
          "--additional-python-modules.$" = "States.Format('${local.bucket}/wheels/core-{}.gluewheels.zip', $.Metadata.version)"
          "--extra-py-files.$"            = "States.Format('${local.bucket}/releases/{}/${var.release.package}', $.Metadata.version)"
          "--scriptLocation.$"            = "States.Format('${local.bucket}/releases/{}/${var.release.scripts[job]}', $.Metadata.version)"
        }
      })
      TimeoutSeconds = 60
      Retry          = local.service_retry
      Catch          = local.catch
      Next           = local.asked
    }
    # A job's parameters cannot name what the input may lack: there it is made empty first.
    (local.asked) = {
      Type    = "Choice"
      Choices = [{ Variable = "$.arguments", IsPresent = true, Next = local.dated }]
      Default = local.without
    }
    (local.without) = {
      Type       = "Pass"
      Result     = {}
      ResultPath = "$.arguments"
      Next       = local.dated
    }
    (local.dated) = {
      Type    = "Choice"
      Choices = [{ Variable = "$.dates", IsPresent = false, Next = local.first }]
      Default = local.each_date
    }
    # One date at a time: a job of which one run is allowed cannot take two, and later dates build on earlier ones.
    (local.each_date) = {
      Type           = "Map"
      ItemsPath      = "$.dates"
      MaxConcurrency = 1
      ItemSelector = {
        "arguments.$" = "$.arguments"
        "release.$"   = "$.release"
        date          = { "--ingestion_date.$" = "$$.Map.Item.Value" }
      }
      ItemProcessor = {
        StartAt = "Date_${local.first}"
        States = merge(
          {
            for name, state in local.job_states : "Date_${name}" => merge(
              { for field, value in state : field => value if field != "Catch" },
              {
                Next       = state.Next == local.succeeded ? local.date_done : "Date_${state.Next}"
                Parameters = merge(state.Parameters, { "Arguments.$" = "States.JsonMerge(States.JsonMerge($.arguments, $.date, false), $.release.${name}, false)" })
              },
            )
          },
          { (local.date_done) = { Type = "Pass", Result = {}, End = true } },
        )
      }
      ResultPath = null
      Catch      = local.catch
      Next       = local.succeeded
    }
  }

  job_states = {
    for position, job in var.glue_job_names : local.state_names[position] => {
      Type     = "Task"
      Resource = "arn:${data.aws_partition.current.partition}:states:::glue:startJobRun.sync"
      Parameters = {
        JobName       = job
        "Arguments.$" = "States.JsonMerge($.arguments, $.release.${local.state_names[position]}, false)"
      }
      ResultPath     = null # each job is given the execution's own input, not the run of the job before
      TimeoutSeconds = local.task_timeouts[position]
      Retry = [{
        # Glue's throttling arrives as Glue.AWSGlueException as often as under its own name.
        ErrorEquals = [
          "Glue.AWSGlueException",
          "Glue.ConcurrentRunsExceededException",
          "Glue.InternalServiceException",
          "Glue.OperationTimeoutException",
          "Glue.ResourceNumberLimitExceededException",
          "Glue.ThrottlingException",
        ]
        BackoffRate     = 2
        IntervalSeconds = 10
        JitterStrategy  = "FULL"
        MaxAttempts     = var.max_attempts
        MaxDelaySeconds = 300
      }]
      Catch = local.catch
      Next  = position + 1 < length(var.glue_job_names) ? local.state_names[position + 1] : local.succeeded
    }
  }

  end_states = {
    (local.failed) = {
      Type      = "Fail"
      CausePath = "$.failure.Cause"
      ErrorPath = "$.failure.Error"
    }
  }

  definition = {
    Comment        = var.description
    StartAt        = length(var.glue_job_names) > 0 ? local.settled : local.succeeded
    TimeoutSeconds = local.timeout_seconds
    States = merge(
      # Without jobs nothing leads to them, and such states would be refused.
      { for name, state in merge(local.turn_states, local.begin_states, local.end_states) : name => state if length(var.glue_job_names) > 0 },
      local.job_states,
      { (local.succeeded) = { Type = "Succeed" } },
    )
  }
}

# ─── State Machine ───

# Under /aws/vendedlogs/: the resource policy that lets services deliver logs has a size limit, and grows by one
# entry for every log group outside it.
resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_338: executions are looked into within weeks; log_retention_days takes more
  name              = "/aws/vendedlogs/states/${var.pipeline_name}"
  kms_key_id        = var.kms_key_arn
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_sfn_state_machine" "this" {
  name       = var.pipeline_name
  role_arn   = var.role_arn
  definition = jsonencode(local.definition)
  tags       = var.tags

  logging_configuration {
    include_execution_data = true
    level                  = "ALL"
    # From the group's name, which is known in a plan; its ARN is not.
    log_destination = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:log-group:${aws_cloudwatch_log_group.this.name}:*"
  }

  tracing_configuration {
    enabled = true
  }
}
