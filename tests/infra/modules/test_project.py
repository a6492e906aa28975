"""project: from a folder's files and a foundation to tables, jobs, roles and pipelines."""

from __future__ import annotations

import json
import shutil

import pytest
from inputs import ACCOUNT, INPUTS, ORDERS

from meshtest.testing.plans import REGION, refusal, resources, statements

GIVEN = INPUTS["project"]


@pytest.fixture
def orders(tmp_path):
    """orders(**fields) → inputs with a copy of the project's folder, whose project.json has these fields."""

    def orders(**fields: object) -> dict[str, str]:
        folder = shutil.copytree(ORDERS, tmp_path / "orders")
        file = folder / "project.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))
        return {"contract": str(folder / "contract.odcs.yaml"), "folder": str(folder)}

    return orders


def test_every_name_is_made_of_the_domain_the_folder_and_the_environment(planned):
    plan = planned()
    assert {values["name"] for values in resources(plan, "aws_glue_job").values()} == {
        "exa-orders-ingest-dev",
        "exa-orders-refine-dev",
    }
    assert {values["name"] for values in resources(plan, "aws_iam_role").values()} == {
        "exa-orders-daily-sfn-dev",
        "exa-orders-glue-job-dev",
        "exa-orders-table-optimizer-dev",
    }
    assert {values["name"] for values in resources(plan, "aws_sfn_state_machine").values()} == {
        "exa-orders-daily-dev"
    }


def test_the_jobs_tables_are_those_of_the_contract_and_the_one_of_their_runs(planned):
    made = resources(planned(), "aws_glue_catalog_table").values()
    assert {(table["database_name"], table["name"]) for table in made} == {
        ("exa_curated_dev", "orders_daily"),
        ("exa_raw_dev", "orders_lines"),
        ("exa_refined_dev", "orders"),
        ("exa_refined_dev", "orders_job_runs"),
    }


@pytest.mark.parametrize(("env", "workers"), [("dev", 4), ("int", 4), ("prod", 10)])
def test_a_job_has_its_environments_settings_and_the_defaults(planned, env, workers):
    jobs = {job["name"]: job for job in resources(planned(env=env), "aws_glue_job").values()}
    assert jobs[f"exa-orders-refine-{env}"]["number_of_workers"] == workers
    ingest = jobs[f"exa-orders-ingest-{env}"]
    assert (ingest["number_of_workers"], ingest["worker_type"], ingest["timeout"]) == (2, "G.1X", 60)


def test_everything_is_tagged_as_the_projects_own(planned):
    tagged = [
        change["change"]["after"]["tags"]
        for change in planned().resource_changes.values()
        if "tags" in (change["change"]["after"] or {})
    ]
    wanted = {
        "Domain": "example",
        "Environment": "dev",
        "ManagedBy": "terraform",
        "Owner": "shop@example.com",
        "Project": "orders",
    }
    assert tagged
    assert all(tags == wanted for tags in tagged)


def test_the_roles_and_jobs_get_what_the_foundation_has(planned):
    plan = planned()
    foundation = GIVEN["foundation"]
    for job in resources(plan, "aws_glue_job").values():
        assert job["connections"] == foundation["glue_connection_names"]
        assert job["security_configuration"] == foundation["glue_security_configuration"]
    for role in resources(plan, "aws_iam_role").values():
        assert role["permissions_boundary"] == foundation["permissions_boundary_arn"]
    (attached,) = resources(plan, "aws_iam_role_policy_attachment").values()
    assert attached["policy_arn"] == foundation["sfn_observability_policy_arn"]
    policy = resources(plan, "aws_iam_role_policy")["module.iam_glue_job.aws_iam_role_policy.this"]["policy"]
    assert statements(policy)["DataLakeKey"]["Resource"] == [foundation["kms_key_arn"]]


def test_the_pipeline_runs_its_jobs_in_their_order(planned):
    (machine,) = resources(planned(), "aws_sfn_state_machine").values()
    names = [part.split('"')[0] for part in machine["definition"].split('"JobName":"')[1:]]
    assert list(dict.fromkeys(names)) == ["exa-orders-ingest-dev", "exa-orders-refine-dev"]
    (role,) = (role for role in resources(planned(), "aws_iam_role").values() if "-sfn-" in role["name"])
    assert machine["role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/{role['name']}"


@pytest.mark.proves("names-of-the-environment")
def test_executions_that_did_not_succeed_are_told_to_the_domains_topic(planned):
    (rule,) = resources(planned(), "aws_cloudwatch_event_rule").values()
    assert rule["name"] == "exa-orders-failed-dev"
    assert json.loads(rule["event_pattern"]) == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "stateMachineArn": [f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:exa-orders-daily-dev"],
            "status": ["ABORTED", "FAILED", "TIMED_OUT"],
        },
    }
    (target,) = resources(planned(), "aws_cloudwatch_event_target").values()
    assert (target["rule"], target["arn"]) == (rule["name"], GIVEN["foundation"]["alarms_topic_arn"])
    assert target["role_arn"] is None  # AWS advises against one where the topic is encrypted


def test_a_project_without_pipelines_has_no_rule(planned):
    """AWS refuses a pattern with an empty list."""
    assert resources(planned(pipeline_jobs={}), "aws_cloudwatch_event_rule") == {}


def test_the_foundations_state_is_its_environments(planned):
    assert planned(env="prod").outputs["foundation_state"]["bucket"] == f"exa-tfstate-{ACCOUNT}-prod"


def test_a_folder_with_another_name_than_the_project_is_refused(terraform, infrastructure, orders):
    given = {**GIVEN, **orders(name="shop")}
    arguments = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
    }
    refused = refusal(terraform(infrastructure / "modules" / "project"), tf_vars=arguments)
    assert 'orders/project.json: name is "shop"; expected "orders", the name of its folder.' in refused
    assert refused.count("Error: ") == 1


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("project.json", 'content is "no JSON object"; expected a JSON object with'),
        ("contract.odcs.yaml", 'content is "no YAML mapping"; expected a data contract (ODCS) in YAML'),
    ],
)
def test_a_file_that_is_missing_is_named(terraform, infrastructure, orders, tmp_path, missing, told):
    given = {**GIVEN, **orders()}
    (tmp_path / "orders" / missing).unlink()
    arguments = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
    }
    refused = refusal(terraform(infrastructure / "modules" / "project"), tf_vars=arguments)
    assert f"orders/{missing}: {told}" in refused


# ─── Triggers ───

EARLY = {"expression": "cron(0 6 * * ? *)", "time_zone": "Europe/Berlin", "flexible_minutes": 15}
STARTED = ("aws_scheduler_schedule", "aws_scheduler_schedule_group")


def test_without_triggers_nothing_starts_a_pipeline(planned):
    plan = planned()
    assert [resources(plan, kind) for kind in STARTED] == [{}, {}]
    assert {rule["name"] for rule in resources(plan, "aws_cloudwatch_event_rule").values()} == {
        "exa-orders-failed-dev"
    }


@pytest.mark.proves("iam-trust")
def test_a_schedule_starts_its_pipeline_and_nothing_else(planned):
    plan = planned(pipeline_triggers={"daily": {"schedules": {"early": EARLY}}})
    (schedule,) = resources(plan, "aws_scheduler_schedule").values()
    (group,) = resources(plan, "aws_scheduler_schedule_group").values()
    assert (schedule["name"], schedule["group_name"]) == ("exa-orders-daily-early-dev", group["name"])
    assert schedule["schedule_expression"] == "cron(0 6 * * ? *)"
    assert schedule["schedule_expression_timezone"] == "Europe/Berlin"
    assert schedule["flexible_time_window"] == [{"mode": "FLEXIBLE", "maximum_window_in_minutes": 15}]
    (target,) = schedule["target"]
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:exa-orders-daily-dev"
    role = "exa-orders-daily-cron-dev"
    assert (target["arn"], target["role_arn"]) == (machine, f"arn:aws:iam::{ACCOUNT}:role/{role}")
    (trust,) = (each for each in resources(plan, "aws_iam_role").values() if each["name"] == role)
    (statement,) = statements(trust["assume_role_policy"]).values()
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/exa-orders-dev"},
    }
    assert started_by(plan, role) == (["states:StartExecution"], [machine])


def started_by(plan, role: str) -> tuple[list[str], list[str]]:
    """What the only policy of a role allows, and on what."""
    (policy,) = (each for each in resources(plan, "aws_iam_role_policy").values() if each["role"] == role)
    (statement,) = statements(policy["policy"]).values()
    return statement["Action"], statement["Resource"]


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_triggers_hold_in_the_environments_that_they_name(planned, env):
    trigger = {"environments": ["prod"], "schedules": {"early": EARLY}}
    plan = planned(env=env, pipeline_triggers={"daily": trigger})
    assert len(resources(plan, "aws_scheduler_schedule")) == (env == "prod")


@pytest.mark.parametrize(("given", "choice"), [({}, "wait"), ({"overlap": "skip"}, "skip")])
def test_what_an_execution_does_while_another_runs_is_the_pipelines_choice(planned, given, choice):
    trigger = {"environments": ["prod"], **given}  # which says when it starts by itself, and not this
    (machine,) = resources(planned(pipeline_triggers={"daily": trigger}), "aws_sfn_state_machine").values()
    assert json.loads(machine["definition"])["TimeoutSeconds"] == {"skip": 1, "wait": 2}[choice] * 28800


# ─── Files ───


@pytest.mark.proves("iam-trust")
def test_a_file_that_lands_starts_its_pipeline_and_nothing_else(planned):
    plan = planned(pipeline_triggers={"daily": {"files": ["shop/", ""]}})
    rules = resources(plan, "aws_cloudwatch_event_rule").values()
    (rule,) = (each for each in rules if each["name"] == "exa-orders-daily-files-dev")
    assert json.loads(rule["event_pattern"]) == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [f"exa-raw-{ACCOUNT}-dev"]},
            "object": {"key": [{"prefix": "landing/orders/shop/"}, {"prefix": "landing/orders/"}]},
        },
    }
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:exa-orders-daily-dev"
    targets = resources(plan, "aws_cloudwatch_event_target").values()
    (target,) = (each for each in targets if each["rule"] == rule["name"])
    assert (target["arn"], target["role_arn"]) == (machine, f"arn:aws:iam::{ACCOUNT}:role/{rule['name']}")
    (given,) = target["input_transformer"]
    assert given["input_template"] == '{"file": {"bucket": <bucket>, "key": <key>}}'
    trusts = resources(plan, "aws_iam_role").values()
    (trust,) = (each for each in trusts if each["name"] == rule["name"])
    (statement,) = statements(trust["assume_role_policy"]).values()
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule['name']}"},
    }
    assert started_by(plan, rule["name"]) == (["states:StartExecution"], [machine])


@pytest.mark.parametrize(
    ("trigger", "seconds"),
    [
        ({}, 2),
        ({"files": [""]}, 30),
        ({"files": [""], "settle_seconds": 300}, 300),
        ({"files": [""], "environments": ["prod"]}, 2),
    ],
    ids=["no files", "files", "as it says", "not here"],
)
def test_a_pipeline_with_files_lets_them_settle(planned, trigger, seconds):
    plan = planned(pipeline_triggers={"daily": trigger})
    (machine,) = resources(plan, "aws_sfn_state_machine").values()
    states = json.loads(machine["definition"])["States"]
    assert states["Settle"] == {"Type": "Wait", "Seconds": seconds, "Next": "ListRunning"}
