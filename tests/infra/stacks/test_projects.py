"""The projects on the foundation: tables, jobs, roles and pipelines; the template; what is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from core import audit, contract
from core.contract import Contract, Table
from meshtest.check.controls import assert_hold
from meshtest.check.plan import Plan
from meshtest.terraform.engine import TerraformTest
from meshtest.testing.plans import (
    PROJECTS,
    REGION,
    depends_on,
    jobs,
    pipelines,
    refusal,
    resources,
    statements,
)

ACCOUNT = "123456789012"
EACH_PIPELINE = [(project, pipeline) for project in PROJECTS for pipeline in pipelines(project)]


@pytest.fixture(scope="module", params=PROJECTS)
def project(request):
    return request.param


@pytest.fixture(scope="module")
def project_plan(plan, infrastructure, foundation):
    """project_plan(name) → the project's plan in dev, on a foundation that is there."""
    return lambda name: plan(infrastructure / "projects" / name, {"env": "dev"})


@pytest.fixture(scope="module")
def planned(project, project_plan):
    return project_plan(project)


def agreed(root: Path) -> Contract:
    """A project's contract, as its jobs read it."""
    return contract.read(yaml.safe_load((root / contract.FILE).read_text()), contract.FILE)


def made_tables(infrastructure, project: str) -> list[Table]:
    """The contract's tables, and the one in which the project's jobs record their runs."""
    return [*agreed(infrastructure / "projects" / project).tables.values(), audit.table(project)]


def changed(root: Path, change: Callable[[list], object]) -> None:
    """Change the schema objects of a project's contract."""
    content = yaml.safe_load((root / contract.FILE).read_text())
    change(content["schema"])
    (root / contract.FILE).write_text(yaml.safe_dump(content, sort_keys=False))


def of_layer(described: dict) -> str:
    return next(each["value"] for each in described["customProperties"] if each["property"] == "layer")


def job_name(project: str, job: str) -> str:
    return f"exa-{project}-{job.replace('_', '-')}-dev"


def policy(plan, module: str) -> dict:
    """The statements of a role: of its own policy, and of those by which it reads what others share."""
    documents = [
        values["policy"]
        for kind in ("aws_iam_role_policy", "aws_iam_policy")
        for address, values in resources(plan, kind).items()
        if address.startswith(f"module.project.module.{module}")
    ]
    return {sid: each for document in documents for sid, each in statements(document).items()}


# ─── Tables ───


def test_tables_are_those_of_the_contract(planned, project, infrastructure):
    expected = {
        f"s3://exa-{table.layer}-{ACCOUNT}-dev/{project}/{table.name}{'/' * (table.layer == 'raw')}": (
            f"exa_{table.layer}_dev",
            table.name,
            list(table.types.items()),
            bool(table.layer != "raw"),
        )
        for table in made_tables(infrastructure, project)
    }
    made = {
        table["storage_descriptor"][0]["location"]: (
            table["database_name"],
            table["name"],
            [(column["name"], column["type"]) for column in table["storage_descriptor"][0]["columns"]],
            bool(table["open_table_format_input"]),
        )
        for table in resources(planned, "aws_glue_catalog_table").values()
    }
    assert made == expected


def test_raw_tables_are_partitioned_as_the_contract_says(planned, project, infrastructure):
    expected = {
        table.name: [key.name for key in table.partition_keys]
        for table in made_tables(infrastructure, project)
        if table.layer == "raw"
    }
    made = resources(planned, "aws_glue_catalog_table").values()
    assert {
        table["name"]: [key["name"] for key in table["partition_keys"]]
        for table in made
        if table["database_name"] == "exa_raw_dev"
    } == expected
    assert any(expected.values())


@pytest.mark.proves("glue-table-optimizers")
def test_each_iceberg_table_has_three_optimizers(planned, project, infrastructure):
    tables = [table for table in made_tables(infrastructure, project) if table.layer != "raw"]
    optimizers = resources(planned, "aws_glue_catalog_table_optimizer").values()
    assert {(o["database_name"], o["table_name"], o["type"]) for o in optimizers} == {
        (f"exa_{table.layer}_dev", table.name, kind)
        for table in tables
        for kind in ("compaction", "orphan_file_deletion", "retention")
    }
    roles = {o["configuration"][0]["role_arn"] for o in optimizers}
    assert roles == {f"arn:aws:iam::{ACCOUNT}:role/exa-{project}-table-optimizer-dev"}


# ─── Jobs ───


def test_each_script_is_a_job_with_what_it_resolves(planned, project, foundation):
    made = {job["name"]: job for job in resources(planned, "aws_glue_job").values()}
    assert set(made) == {job_name(project, job) for job in jobs(project)}
    artifacts = f"s3://exa-artifacts-{ACCOUNT}-dev"
    for name in jobs(project):
        job = made[job_name(project, name)]
        arguments = job["default_arguments"]
        assert job["command"][0]["script_location"] == f"{artifacts}/jobs/{project}/{name}.py"
        assert arguments["--additional-python-modules"] == f"{artifacts}/wheels/core-latest.gluewheels.zip"
        assert arguments["--extra-py-files"] == f"{artifacts}/jobs/{project}/{project}.zip"
        assert {
            k: v for k, v in arguments.items() if k.startswith(("--env", "--project", "--r", "--cu"))
        } == {
            "--curated_bucket": f"exa-curated-{ACCOUNT}-dev",
            "--curated_database": "exa_curated_dev",
            "--env": "dev",
            "--project": project,
            "--raw_bucket": f"exa-raw-{ACCOUNT}-dev",
            "--raw_database": "exa_raw_dev",
            "--refined_bucket": f"exa-refined-{ACCOUNT}-dev",
            "--refined_database": "exa_refined_dev",
        }
        assert (
            f"glue_catalog.warehouse=s3://exa-refined-{ACCOUNT}-dev/{project}/ " in f"{arguments['--conf']} "
        )
        assert job["security_configuration"] == "exa-glue-dev"
        assert job["connections"] == foundation["glue_connection_names"]
        assert job["role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/exa-{project}-glue-job-dev"


@pytest.mark.proves("logs-encrypted", "logs-retention")
def test_the_jobs_log_groups_are_there_with_key_and_retention_before_the_first_run(
    planned, project, foundation
):
    """By both names that Glue was seen to give to groups of a security configuration."""
    role = f"exa-{project}-glue-job-dev"
    groups = {
        group["name"]: (group["kms_key_id"], group["retention_in_days"])
        for group in resources(planned, "aws_cloudwatch_log_group").values()
        if group["name"].startswith("/aws-glue/")
    }
    names = (f"/aws-glue/jobs/exa-glue-dev-role/{role}", f"/aws-glue/jobs-{role}-exa-glue-dev")
    kept = (foundation["kms_key_arn"], 90)
    assert groups == {f"{name}/{stream}": kept for name in names for stream in ("error", "output")}


def test_who_uses_a_role_waits_for_its_rights(planned):
    """An optimizer or a pipeline that is made before the role's policy fails for want of it."""
    modules = planned["configuration"]["root_module"]["module_calls"]["project"]["module"]["module_calls"]
    for name in ("iam_glue_job", "iam_pipeline", "iam_table_optimizer"):
        waits = modules[name]["module"]["outputs"]["role_arn"]["depends_on"]
        assert "aws_iam_role_policy.this" in waits, name


# ─── Roles ───


@pytest.mark.proves("iam-key-use")
@pytest.mark.parametrize("module", ["iam_glue_job", "iam_table_optimizer"])
def test_glue_and_the_optimizers_use_the_domains_key_and_no_other(planned, module, foundation):
    statement = policy(planned, module)["DataLakeKey"]
    assert statement["Resource"] == [foundation["kms_key_arn"]]
    assert {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"} <= set(statement["Action"])


def test_the_jobs_reach_their_connections_and_their_own_bookmarks(planned, project, foundation):
    granted = policy(planned, "iam_glue_job")
    glue = f"arn:aws:glue:{REGION}:{ACCOUNT}"
    connections = {f"{glue}:connection/{name}" for name in foundation["glue_connection_names"]}
    assert set(granted["NetworkConnections"]["Resource"]) == {f"{glue}:catalog", *connections}
    bookmarks = {f"{glue}:job/{job_name(project, job)}" for job in jobs(project)}
    assert set(granted["JobBookmarks"]["Resource"]) == bookmarks


def test_a_project_writes_below_its_own_prefixes_alone(planned, project):
    written = policy(planned, "iam_glue_job")["WriteObjects"]["Resource"]
    prefixes = [f"exa-{layer}-{ACCOUNT}-dev/{project}" for layer in ("curated", "raw", "refined")]
    prefixes.append(f"exa-artifacts-{ACCOUNT}-dev/temp/{project}")
    assert set(written) == {f"arn:aws:s3:::{prefix}{end}" for prefix in prefixes for end in ("", "/*")}


def test_a_project_reads_what_was_deployed_and_dropped_for_it(planned, project):
    read = policy(planned, "iam_glue_job")["ReadObjects"]["Resource"]
    artifacts = f"arn:aws:s3:::exa-artifacts-{ACCOUNT}-dev"
    landing = f"arn:aws:s3:::exa-raw-{ACCOUNT}-dev/landing/{project}"
    for prefix in (f"{artifacts}/jobs/{project}", f"{artifacts}/wheels", landing):
        assert f"{prefix}/*" in read


def test_a_dependency_is_read_table_by_table_and_never_written(plan, copied, example_project, foundation):
    root = copied("dependent")
    (root / "project.json").write_text(json.dumps({**GOOD, "name": root.name, "depends_on": ["example"]}))
    granted = policy(plan(root, {"env": "dev"}), "iam_glue_job")
    offered = agreed(example_project).tables.values()
    tables = {f"exa_curated_dev/{table.name}" for table in offered if table.layer == "curated"}
    assert (
        len([table for table in offered if table.layer == "refined"]) > 1
    )  # one pattern stands for several that begin with the project's name
    tables.add("exa_refined_dev/example_*")
    shared = granted["ReadSharedCatalog"]["Resource"]
    assert {arn.split(":table/")[1] for arn in shared if ":table/" in arn} == tables
    read = [arn for arn in granted["ReadSharedObjects"]["Resource"] if "/example" in arn]
    assert f"arn:aws:s3:::exa-refined-{ACCOUNT}-dev/example/example_*" in read
    assert not [arn for arn in read if "-raw-" in arn]
    assert not [arn for arn in granted["WriteObjects"]["Resource"] if "/example" in arn]


def test_a_project_reads_no_other_than_those_it_depends_on(planned, project):
    granted = policy(planned, "iam_glue_job")
    read = [arn for sid, each in granted.items() if sid.endswith("Objects") for arn in each["Resource"]]
    others = set(PROJECTS) - {project, *depends_on(project)}
    assert [arn for arn in read if others & set(re.split("[:/]", arn))] == []
    assert ("ReadSharedObjects" in granted) == bool(depends_on(project))


# ─── Pipelines ───


def run_orders(plan) -> dict[str, list[str]]:
    """The jobs of each state machine, in the order in which its states follow each other."""
    orders = {}
    for machine in resources(plan, "aws_sfn_state_machine").values():
        definition = json.loads(machine["definition"])
        order, name = [], definition["StartAt"]
        while (state := definition["States"][name])["Type"] != "Succeed":
            # Before the jobs come the turn, the version and the arguments; choices lead to the jobs first.
            order += [state["Parameters"]["JobName"]] if "JobName" in state.get("Parameters", {}) else []
            name = state.get("Next") or state["Choices"][0]["Next"]
        orders[machine["name"]] = order
    return orders


@pytest.mark.proves("sfn-definition")
def test_the_pipeline_runs_the_projects_jobs_in_their_order(planned, project):
    assert run_orders(planned) == {
        job_name(project, key): [job_name(project, job) for job in order]
        for key, order in pipelines(project).items()
    }


@pytest.mark.parametrize(("project", "pipeline"), EACH_PIPELINE)
def test_the_pipelines_role_starts_just_its_jobs(project_plan, project, pipeline):
    statements = policy(project_plan(project), f'iam_pipeline["{pipeline}"]')
    assert {statement["Effect"] for statement in statements.values()} == {"Allow"}
    version = statements.pop("ReadVersionInUse")
    assert (version["Action"], version["Resource"]) == (
        ["s3:GetObject"],
        [f"arn:aws:s3:::exa-artifacts-{ACCOUNT}-dev/wheels/core-latest.gluewheels.zip"],
    )
    own = statements.pop("ListOwnExecutions")
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{job_name(project, pipeline)}"
    assert (own["Action"], own["Resource"]) == (["states:ListExecutions"], [machine])
    (statement,) = statements.values()
    assert set(statement["Action"]) == {
        "glue:BatchStopJobRun",
        "glue:GetJobRun",
        "glue:GetJobRuns",
        "glue:StartJobRun",
    }
    assert set(statement["Resource"]) == {
        f"arn:aws:glue:{REGION}:{ACCOUNT}:job/{job_name(project, job)}"
        for job in pipelines(project)[pipeline]
    }


@pytest.mark.proves("iam-trust")
@pytest.mark.parametrize(("project", "pipeline"), EACH_PIPELINE)
def test_the_pipelines_role_is_assumed_for_that_state_machine_alone(
    project_plan, project, pipeline, foundation
):
    (role,) = [
        values
        for address, values in resources(project_plan(project), "aws_iam_role").items()
        if address.startswith(f'module.project.module.iam_pipeline["{pipeline}"]')
    ]
    (trust,) = json.loads(role["assume_role_policy"])["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {
            "aws:SourceArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{job_name(project, pipeline)}"
        },
    }
    (attached,) = (
        each
        for each in resources(project_plan(project), "aws_iam_role_policy_attachment").values()
        if each["role"] == role["name"]
    )
    assert attached["policy_arn"] == foundation["sfn_observability_policy_arn"]


def test_everything_that_can_be_tagged_names_its_project(planned, project):
    wanted = {"Domain": "example", "Environment": "dev", "ManagedBy": "terraform", "Project": project}
    tagged = {
        address: change["change"]["after"]["tags"] or {}
        for address, change in planned.resource_changes.items()
        if "tags" in (change["change"]["after"] or {})
    }
    assert tagged
    assert {address for address, tags in tagged.items() if not wanted.items() <= tags.items()} == set()
    assert all(tags.get("Owner") for tags in tagged.values())


def test_a_project_tells_its_jobs_pipelines_and_tables(planned, project, infrastructure):
    assert dict(planned.outputs) == {
        "glue_job_names": {job: job_name(project, job) for job in jobs(project)},
        "pipeline_arns": {
            key: f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{job_name(project, key)}"
            for key in pipelines(project)
        },
        "tables": {
            table.label: f"s3://exa-{table.layer}-{ACCOUNT}-dev/{project}/{table.name}"
            + "/" * (table.layer == "raw")
            for table in made_tables(infrastructure, project)
        },
    }


def test_every_policy_and_definition_is_known_in_a_plan(planned):
    hidden = {
        (address, argument)
        for address, change in planned.resource_changes.items()
        for argument in ("assume_role_policy", "default_arguments", "definition", "policy", "role_arn")
        if change["change"]["after_unknown"].get(argument)
    }
    assert hidden == set()


# ─── The template ───


@pytest.fixture(scope="module")
def new_project(infrastructure):
    """A copy of the template under a new name, in which only project.json is edited."""
    root = infrastructure / "projects" / "newcomer"
    shutil.copytree(infrastructure / "projects" / "_template", root)
    file = root / "project.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "name": "newcomer"}))
    yield root
    shutil.rmtree(root)


@pytest.fixture
def copied(new_project, infrastructure):
    """copied(name) → another copy, under that name; it goes with the test, so that no other finds it."""
    roots = []

    def copied(name: str) -> Path:
        root = infrastructure / "projects" / name
        shutil.copytree(new_project, root, ignore=shutil.ignore_patterns(".terraform"))
        (root / "project.json").write_text(json.dumps({**GOOD, "name": name}))
        roots.append(root)
        return root

    yield copied
    for root in roots:
        shutil.rmtree(root)


def test_a_copy_of_the_template_plans_with_only_project_json_edited(plan, new_project, foundation):
    planned = plan(new_project, {"env": "dev"})
    names = [f"exa-newcomer-{job}-dev" for job in ("ingest", "refine", "curate")]
    made = {job["name"] for job in resources(planned, "aws_glue_job").values()}
    assert made == {*names, "exa-newcomer-migrate-dev"}
    assert run_orders(planned) == {"exa-newcomer-daily-dev": names}
    assert {tuple(c["change"]["actions"]) for c in planned.resource_changes.values()} == {("create",)}


def test_a_project_may_have_raw_tables_only(plan, copied, foundation):
    root = copied("landing")
    changed(
        root,
        lambda schema: schema.__setitem__(slice(None), [each for each in schema if of_layer(each) == "raw"]),
    )
    planned = plan(root, {"env": "dev"})
    made = {table["name"] for table in resources(planned, "aws_glue_catalog_table").values()}
    assert made == {"template_records", "landing_job_runs"}


def test_a_tables_maintenance_is_what_its_contract_says(plan, copied, foundation):
    root = copied("kept")
    own = {
        "optimizers": {"compaction": False, "orphanDays": 7},
        "tableProperties": {"write.target-file-size-bytes": "268435456"},
        "snapshotRetention": {"days": 30, "snapshots": 10},
    }
    custom = [{"property": name, "value": value} for name, value in own.items()]
    changed(root, lambda schema: schema[-1]["customProperties"].extend(custom))
    made = resources(plan(root, {"env": "dev"}), "aws_glue_catalog_table_optimizer").values()

    def maintenance(table: str) -> tuple:
        own = {each["type"]: each["configuration"][0] for each in made if each["table_name"] == table}
        kept = own["retention"]["retention_configuration"][0]["iceberg_configuration"][0]
        orphans = own["orphan_file_deletion"]["orphan_file_deletion_configuration"][0][
            "iceberg_configuration"
        ]
        return (
            [own[kind]["enabled"] for kind in ("compaction", "orphan_file_deletion", "retention")],
            kept["snapshot_retention_period_in_days"],
            kept["number_of_snapshots_to_retain"],
            orphans[0]["orphan_file_retention_period_in_days"],
        )

    assert maintenance("template_daily") == ([False, True, True], 30, 10, 7)
    assert maintenance("template_records_rejected") == ([True, True, True], 5, 1, 3)
    assert maintenance("kept_job_runs") == ([True, True, True], 5, 1, 3)


def test_a_jobs_settings_reach_it(plan, copied, foundation):
    root = copied("settings")
    jobs = root / "jobs.tf"
    given = """ingest = {
      arguments           = { "--as_of" = "2026-01-01" }
      job_bookmark_option = "job-bookmark-enable"
      max_concurrent_runs = 3
      number_of_workers   = 5
      timeout_minutes     = 30
      worker_type         = "G.2X"
      """
    jobs.write_text(jobs.read_text().replace("ingest = { ", given))
    planned = plan(root, {"env": "dev"})
    made = {
        job["name"]: (
            job["default_arguments"].get("--as_of"),
            job["default_arguments"]["--job-bookmark-option"],
            job["execution_property"][0]["max_concurrent_runs"],
            job["number_of_workers"],
            job["timeout"],
            job["worker_type"],
        )
        for job in resources(planned, "aws_glue_job").values()
    }
    assert made["exa-settings-ingest-dev"] == ("2026-01-01", "job-bookmark-enable", 3, 5, 30, "G.2X")
    assert made["exa-settings-refine-dev"] == (None, "job-bookmark-disable", 1, 2, 60, "G.1X")


def test_a_jobs_settings_may_differ_by_environment(plan, copied, foundation):
    """What an environment says wins; what it does not say stays, the arguments one by one."""
    root = copied("sizes")
    jobs = root / "jobs.tf"
    given = """ingest = {
      arguments         = { "--as_of" = "2026-01-01", "--depth" = "1" }
      number_of_workers = 5
      environments = {
        prod = { number_of_workers = 50 }
        dev = {
          arguments       = { "--depth" = "2" }
          execution_class = "FLEX"
          max_retries     = 1
          worker_type     = "G.2X"
        }
      }
      """
    jobs.write_text(jobs.read_text().replace("ingest = { ", given))
    made = {job["name"]: job for job in resources(plan(root, {"env": "dev"}), "aws_glue_job").values()}
    ingest, refine = made["exa-sizes-ingest-dev"], made["exa-sizes-refine-dev"]
    assert (ingest["default_arguments"]["--as_of"], ingest["default_arguments"]["--depth"]) == (
        "2026-01-01",
        "2",
    )
    settings = ("execution_class", "max_retries", "number_of_workers", "worker_type")
    assert [ingest[name] for name in settings] == ["FLEX", 1, 5, "G.2X"]
    assert [refine[name] for name in settings] == ["STANDARD", 0, 2, "G.1X"]


def test_pipelines_are_as_long_and_as_short_as_may_be(plan, copied, foundation):
    """No job, one job, and the most; a role whose name has the 64 characters that IAM takes."""
    root = copied("lengths")
    longest = "x" * (64 - len("exa-lengths--sfn-prod"))
    many = ", ".join(['"ingest"'] * 99)
    pipelines = root / "pipelines.tf"
    given = f"""daily = [{many}]
    none = []
    {longest} = ["ingest"]
    """
    pipelines.write_text(pipelines.read_text().replace('daily = ["ingest", "refine", "curate"]', given))
    planned = plan(root, {"env": "dev"})
    ingest = "exa-lengths-ingest-dev"
    assert run_orders(planned) == {
        "exa-lengths-daily-dev": [ingest] * 99,
        "exa-lengths-none-dev": [],
        f"exa-lengths-{longest}-dev": [ingest],
    }
    roles = {
        role["role"] for role in resources(planned, "aws_iam_role_policy").values() if "sfn" in role["role"]
    }
    assert roles == {"exa-lengths-daily-sfn-dev", f"exa-lengths-{longest}-sfn-dev"}


def test_the_foundations_state_is_found_by_the_domains_region_alone(terraform, example_project, foundation):
    root = example_project
    known = terraform(root).env
    runner = TerraformTest(root)
    runner.env = {name: known[name] for name in known if "REGION" not in name}
    assert runner.plan(output=True, tf_vars={"env": "dev"}, lock=False).resource_changes


def with_tables(names: dict[str, list[str]]) -> str:
    """A contract with tables of one column, by layer."""
    tables = [
        {
            "name": f"{layer}_{name}",
            "physicalName": name,
            "customProperties": [{"property": "layer", "value": layer}],
            "properties": [{"name": "id", "logicalType": "string"}],
        }
        for layer, each in names.items()
        for name in each
    ]
    return json.dumps({"schema": tables})


@pytest.mark.proves("iam-policy-quota")
def test_policies_stay_within_their_quotas_with_200_tables_and_50_shared_projects(plan, copied, foundation):
    """Names are as long as they may be; what is left is in the control's findings."""
    name = "a_name_of_24_characters_"
    others = [f"other_{number:02}_24_characters_" for number in range(50)]
    root = copied(name)

    def tables(project: str, layers: tuple[str, ...]) -> str:
        return with_tables(
            {layer: [f"{project}_{n:03}" for n in range(200 // len(layers))] for layer in layers}
        )

    (root / contract.FILE).write_text(tables(name, ("curated", "raw", "refined")))
    (root / "project.json").write_text(json.dumps({**GOOD, "name": name, "depends_on": others}))
    folders = [root.parent / other for other in others]
    for folder in folders:
        folder.mkdir()
        (folder / contract.FILE).write_text(tables(folder.name, ("curated", "refined")))
    planned = plan(root, {"env": "dev"})
    for folder in folders:
        shutil.rmtree(folder)
    assert_hold(Plan(planned), "iam-policy-quota")
    granted = policy(planned, "iam_glue_job")
    assert (
        f"arn:aws:glue:{REGION}:{ACCOUNT}:table/exa_refined_dev/{name}_*"
        in granted["WriteCatalog"]["Resource"]
    )


def test_tables_are_named_together_only_where_no_other_project_has_such_a_name(plan, copied, foundation):
    """What is called orders_… belongs to orders, unless another project has a table or a name like that."""
    root = copied("shop")
    names = ["shop_a", "shop_b"]
    (root / contract.FILE).write_text(with_tables({"curated": names, "refined": names}))
    neighbour = root.parent / "shop_eu"  # its table of runs is called shop_eu_job_runs
    neighbour.mkdir()
    (neighbour / contract.FILE).write_text("schema: []")
    planned = plan(root, {"env": "dev"})
    shutil.rmtree(neighbour)
    written = policy(planned, "iam_glue_job")["WriteCatalog"]["Resource"]
    named = {arn.split(":table/")[1] for arn in written if ":table/" in arn}
    assert named == {
        *(f"exa_{layer}_dev/shop_{table}" for layer in ("curated", "refined") for table in "ab"),
        "exa_refined_dev/shop_job_runs",
    }


# ─── What is refused ───


# ─── What another writes ───
NESTED = {
    "name": "Orders",
    "physicalName": "orders",
    "properties": [
        {"name": "orderId", "physicalName": "order_id", "physicalType": "BIGINT", "primaryKey": True},
        {"name": "price", "physicalType": "DECIMAL(18, 2)"},
        {"name": "rate", "logicalType": "number", "logicalTypeOptions": {"format": "f32"}},
        {"name": "big", "logicalType": "integer", "logicalTypeOptions": {"format": "i64"}},
        {"name": "placed", "logicalType": "timestamp", "description": "When it was\n  placed"},
        {
            "name": "address",
            "logicalType": "object",
            "properties": [
                {"name": "street", "logicalType": "string"},
                {
                    "name": "point",
                    "logicalType": "object",
                    "properties": [{"name": "x", "logicalType": "number"}],
                },
            ],
        },
        {
            "name": "lines",
            "logicalType": "array",
            "physicalType": "ARRAY",
            "items": {"logicalType": "object", "properties": [{"name": "sku", "logicalType": "string"}]},
        },
        {"name": "tags", "logicalType": "array", "items": {"logicalType": "string"}},
    ],
}


def test_terraform_and_the_jobs_make_the_same_types_of_a_contract(plan, copied, foundation):
    """Of logical types alone, in capitals, nested: as somebody writes who knows the standard and not this."""
    root = copied("another")
    (root / contract.FILE).write_text(json.dumps({"schema": [NESTED]}))
    made = resources(plan(root, {"env": "dev"}), "aws_glue_catalog_table").values()
    (table,) = [each for each in made if each["name"] == "orders"]
    columns = table["storage_descriptor"][0]["columns"]
    found = {each["name"]: each["type"] for each in columns}
    assert found == agreed(root).table("curated", "orders").types
    assert found["lines"] == "array<struct<sku:string>>"
    assert found["address"] == "struct<street:string,point:struct<x:double>>"
    assert table["database_name"] == "exa_curated_dev"
    assert [each["comment"] for each in columns if each["name"] == "placed"] == ["When it was placed"]


GOOD = {"name": "newcomer", "description": "Orders", "owner": "orders@example.com"}
FOLDER = "infrastructure/projects/newcomer"


@pytest.fixture
def refused_with(terraform, new_project, foundation):
    """refused_with({file: text}) → the one error of the new project with those files, just this once."""

    def refused_with(texts: dict[str, str]) -> str:
        good = {name: (new_project / name).read_text() for name in texts}
        try:
            for name, text in texts.items():
                (new_project / name).write_text(text)
            refused = refusal(terraform(new_project), tf_vars={"env": "dev"})
        finally:
            for name, text in good.items():
                (new_project / name).write_text(text)
        assert refused.count("Error: ") == 1
        return refused

    return refused_with


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        pytest.param(
            "{",
            ['content is "no JSON object"; expected a JSON object with description, name and owner.'],
            id="no JSON",
        ),
        pytest.param(
            json.dumps({**GOOD, "name": "template"}),
            ['name is "template"; expected "newcomer", the name of its folder.'],
            id="another name",
        ),
        pytest.param(
            json.dumps({"name": 7, "description": "", "colour": "red", "depends_on": ["nothing"]}),
            [
                "name is 7; expected 2 to 24 lower-case letters",
                'description is ""; expected 1 to 200 characters on one line.',
                "owner is missing; expected a team or its address",
                'colour is "red"; expected no such field: there are connections, depends_on, description',
                'depends_on[0] is "nothing"; expected a folder of infrastructure/projects',
            ],
            id="several problems",
        ),
        pytest.param('{"name": "newcomer"}', ["owner is missing; expected a team"], id="one field"),
        pytest.param(
            json.dumps({**GOOD, "depends_on": "another"}),
            ['depends_on is "another"; expected a list of other projects\' names.'],
            id="no list",
        ),
    ],
)
def test_a_bad_project_json_is_named_before_anything_is_planned(content, messages, refused_with):
    refused = refused_with({"project.json": content})
    assert [each for each in messages if f"{FOLDER}/project.json: {each}" not in refused] == []


def test_a_name_that_no_environment_can_have_is_refused(terraform, new_project, foundation):
    refused = refusal(terraform(new_project), tf_vars={"env": "pre-prod"})
    assert 'env is "pre-prod"; expected 2 to 8 lower-case letters and digits' in refused


@pytest.mark.parametrize("content", ["[", "[]", "{}", "text"])
def test_a_contract_that_is_no_mapping_is_named(content, refused_with):
    refused = refused_with({contract.FILE: content})
    expected = 'content is "no YAML mapping"; expected a data contract (ODCS) in YAML.'
    assert f"{FOLDER}/contract.odcs.yaml: {expected}" in refused


@pytest.mark.parametrize(
    ("content", "value"), [("id: a", "missing"), ("schema: {a: 1}", "{...}"), ("schema: 7", "7")]
)
def test_a_contract_without_tables_is_named(content, value, refused_with):
    refused = refused_with({contract.FILE: content})
    assert f"{FOLDER}/contract.odcs.yaml: schema is {value}; expected a list of schema objects" in refused


def test_bad_tables_and_pipelines_are_named(refused_with, new_project):
    tables = [
        {"name": "Records", "customProperties": [{"property": "layer", "value": "bronze"}]},
        {"name": "typed", "properties": [{"name": "id", "logicalType": "text"}, {"name": "a b"}]},
    ]
    pipelines = (new_project / "pipelines.tf").read_text().replace('"refine"', '"polish"')
    refused = refused_with({contract.FILE: json.dumps({"schema": tables}), "pipelines.tf": pipelines})
    for line in (
        'schema.Records.name is "Records"; expected at most 255 lower-case letters',
        'schema.Records.customProperties.layer is "bronze"; expected raw, refined or curated.',
        "schema.Records.properties is missing; expected a list of at least one property.",
        'schema.typed.properties.id.logicalType is "text"; expected a Glue type such as',
        'schema.typed.properties.a b.name is "a b"; expected at most 255 lower-case letters',
        "schema.typed.properties.a b.physicalType is missing; expected a Glue type such as",
    ):
        assert f"{FOLDER}/contract.odcs.yaml: {line}" in refused
    assert f'{FOLDER}/pipelines.tf: daily[1] is "polish"; expected a key of job_settings' in refused
