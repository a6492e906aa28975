"""The commands of a running domain, over an embedded AWS with machines and jobs but no Terraform."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess

import pytest
from rich.console import Console

from meshtest import emulator
from meshtest.domain import demo
from meshtest.domain import domain as domains
from meshtest.domain.domain import Domain, DomainError
from meshtest.terraform import workspace
from meshtest.testing import roles
from meshtest.tools import toolchain
from meshtest.tools.progress import Stages

TOP = toolchain.ROOT  # whatever stands in its place in a test
ENDS = {"Done": {"Type": "Succeed"}, "Failed": {"Type": "Fail", "Error": "E", "Cause": "as it should"}}
# Projects whose names begin with each other's, with pipelines in an order that no alphabet has.
PIPELINES = {
    "orders": {"late": "Done", "early": "Done"},
    "orders_eu": {"late": "Failed", "early": "Done"},
    "single": {"nightly_load": "Done"},
    "idle": {},
}
REFUSED = [{"name": name, "logicalType": "string"} for name in ("record_id", "reasons", "source_file")]
TABLES = {
    "{}_lines": {"layer": "raw"},
    "{}_items": {"layer": "refined", "quarantine": "{}_refused"},
    "{}_refused": {"layer": "refined"},
    "{}_gaps": {"layer": "refined"},
}
SCHEMA = [
    {
        "name": name,
        "customProperties": [{"property": key, "value": value} for key, value in own.items()],
        "properties": [REFUSED[0] | {"primaryKey": True}, *REFUSED[1:]],
    }
    for name, own in TABLES.items()
]
SCRIPT = """
import sys
arguments = sys.argv[1:]
if "--fail" in arguments:
    raise ValueError("told to fail")
print(arguments)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout with these projects, in the place of this one."""
    top = tmp_path_factory.mktemp("checkout")
    (top / "setup").mkdir()
    shutil.copy(toolchain.ROOT / "setup" / "domain.json", top / "setup")
    for project, pipelines in PIPELINES.items():
        folder = top / "infrastructure" / "projects" / project
        folder.mkdir(parents=True)
        (folder / "project.json").write_text("{}")
        keys = "".join(f'    {key} = ["load"]\n' for key in pipelines)
        (folder / "pipelines.tf").write_text(f"locals {{\n  pipeline_jobs = {{\n{keys}  }}\n}}\n")
        (folder / "jobs.tf").write_text(
            'locals {\n  job_settings = {\n    load_all = { description = "x" }\n  }\n}\n'
        )
        agreed = json.dumps({"schema": SCHEMA}).replace("{}_", f"{project}_")
        (folder / "contract.odcs.yaml").write_text(agreed)
    sample = top / "samples" / "orders" / "orders.csv"
    sample.parent.mkdir(parents=True)
    sample.write_text("sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "ROOT", top)
        patch.setattr(domains, "SAMPLES", top / "samples")
        yield top


@pytest.fixture(scope="module")
def domain(checkout, tmp_path_factory):
    """The running domain of that checkout: machines, one job, and the buckets."""
    with emulator.running(tmp_path_factory.mktemp("emulator")) as endpoint:
        domain = Domain(endpoint, tmp_path_factory.mktemp("domain"))
        role = roles.make_role(endpoint, "any", {"Action": "*"})
        for project, pipelines in PIPELINES.items():
            # The others' first: a search by prefix would find them.
            for key, end in sorted(pipelines.items(), reverse=True):
                endpoint.client("stepfunctions").create_state_machine(
                    name=domain.name(project, key),
                    definition=json.dumps({"StartAt": end, "States": {end: ENDS[end]}}),
                    roleArn=role,
                )
        for purpose in ("raw", "refined", "curated", "artifacts"):
            workspace.make_bucket(endpoint, domain.bucket(purpose))
        s3 = endpoint.client("s3")
        s3.put_bucket_versioning(Bucket=domain.bucket("raw"), VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=domain.bucket("artifacts"), Key="load.py", Body=SCRIPT.encode())
        endpoint.client("glue").create_job(
            Name=domain.name("orders", "load_all"),
            Role=role,
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{domain.bucket('artifacts')}/load.py"},
            DefaultArguments={"--env": "dev"},
            GlueVersion="5.1",
        )
        yield domain


@pytest.fixture
def command(domain, monkeypatch):
    """command(*words) → exit code and what was printed, of a command in the running domain."""
    monkeypatch.setattr(demo, "STATE", domain.endpoint.state_dir)
    monkeypatch.setattr(demo, "UP", domain.directory)
    monkeypatch.setattr(Domain, "read_tables", lambda *_: {})

    def command(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["demo", *words])
        with pytest.MonkeyPatch.context() as patch:
            out = io.StringIO()
            patch.setattr(demo, "Console", lambda **_: Console(file=out, width=140))
            return demo.main(), out.getvalue()

    return command


def machine_of(execution) -> str:
    return execution.arn.split(":")[6]


# ─── make run ───


def test_all_pipelines_run_in_the_order_of_the_file(domain):
    with Stages(Console(file=io.StringIO())) as stages:
        ran = demo.run_pipelines(domain, ["orders"], stages)
    assert list(ran) == ["orders/late", "orders/early"]
    assert [machine_of(each) for each in ran.values()] == [
        domain.name("orders", key) for key in ("late", "early")
    ]


def test_every_project_runs_each_under_its_own_name(domain):
    """A project whose name begins with another's is another; one that has no pipeline is passed over."""
    with Stages(Console(file=io.StringIO())) as stages:
        ran = demo.run_pipelines(domain, domain.projects, stages)
    assert {label: (machine_of(each), each.status) for label, each in ran.items()} == {
        "orders/late": (domain.name("orders", "late"), "SUCCEEDED"),
        "orders/early": (domain.name("orders", "early"), "SUCCEEDED"),
        "orders_eu/late": (domain.name("orders_eu", "late"), "FAILED"),
        "single": (domain.name("single", "nightly_load"), "SUCCEEDED"),
    }


def test_the_sample_has_to_fill_the_tables_of_pipelines_that_ran_on_it(domain):
    """Not those of rejects, not of a project without a sample, not after a failure."""
    with Stages(Console(file=io.StringIO())) as stages:
        ran = demo.run_pipelines(domain, domain.projects, stages)
    filled = {"raw.orders_lines", "refined.orders_items", "refined.orders_gaps"}
    assert demo.to_be_filled(domain, ran) == filled
    assert demo.to_be_filled(domain, {**ran, "orders/early": ran["orders_eu/late"]}) == frozenset()
    assert demo.to_be_filled(domain, {"single": ran["single"]}) == frozenset()


def test_one_pipeline_runs_alone(command):
    code, told = command("run", "--project=orders", "--pipeline=early")
    assert code == 0
    assert "orders/early" in told
    assert "orders/late" not in told


def test_a_failure_is_told_and_ends_it(command):
    code, told = command("run", "--project=orders_eu")
    assert code == 1
    assert "FAILED orders_eu/late: the execution ended FAILED: as it should" in told
    assert "orders_eu/early" not in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--project=orders", "--pipeline=dayly"), "PIPELINE=dayly: expected one of late, early"),
        (("--project=other",), "PROJECT=other: expected one of idle, orders, orders_eu, single"),
        ((), "PROJECT=(empty): expected one of idle, orders, orders_eu, single"),
        (("--project=idle",), "PROJECT=idle: expected a project with a pipeline in its pipelines.tf"),
        (("--project=idle", "--pipeline=x"), "PIPELINE=x: expected a pipeline: idle has none"),
        (("--project=single", "--input={"), "INPUT={: no JSON"),
        (("--project=single", "--input=[]"), 'INPUT=[]: expected {"arguments": {"--name": "value"}}'),
        (("--project=single", '--input={"argument": {}}'), "and no other field"),
        (("--project=single", '--input={"arguments": []}'), 'expected {"arguments": {"--name": "value"}}'),
        (
            ("--project=single", '--input={"arguments": {"--full_rebuild": true}}'),
            "INPUT: --full_rebuild is true; expected a --name and a text",
        ),
        (
            ("--project=single", '--input={"arguments": {"full_rebuild": "true"}}'),
            'INPUT: full_rebuild is "true"; expected a --name and a text',
        ),
    ],
)
def test_what_cannot_run_is_told_in_one_line(command, words, message):
    code, told = command("run", *words)
    assert code == 1
    (line,) = told.splitlines()
    assert message in line


def test_the_input_reaches_the_execution(command, domain):
    given = {"arguments": {"--day": "2026-11-20", "--note": "two words"}}
    assert command("run", "--project=single", f"--input={json.dumps(given)}")[0] == 0
    client = domain.endpoint.client("stepfunctions")
    machine = domain.state_machine("single", "nightly_load")
    executions = client.list_executions(stateMachineArn=machine)["executions"]
    newest = max(executions, key=lambda each: each["startDate"])["executionArn"]
    assert json.loads(client.describe_execution(executionArn=newest)["input"]) == given


def test_a_machine_that_is_not_deployed_is_named(domain, checkout, monkeypatch):
    monkeypatch.setattr(Domain, "pipelines", lambda *_: ["new"])
    with pytest.raises(DomainError, match=f"no state machine {domain.name('orders', 'new')} here: `make up`"):
        domain.state_machine("orders", "new")


@pytest.mark.parametrize("words", [("run",), ("job",), ("drop", "--file=x"), ("backfill",)])
def test_without_a_running_domain_each_says_how_to_start_one(command, monkeypatch, tmp_path, words):
    monkeypatch.setattr(demo, "STATE", tmp_path)
    code, told = command(*words)
    assert code == 1
    assert "the domain is not running: `make up` starts it" in told


def test_a_domain_in_another_region_than_domain_json_says_is_refused(command, monkeypatch):
    monkeypatch.setattr(emulator, "domain_region", lambda: "mars-north-1")
    code, told = command("run", "--project=single")
    assert code == 1
    assert "setup/domain.json says mars-north-1: `make down`, then `make up`" in told


# ─── make backfill ───


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--project=other",), "PROJECT=other: expected one of idle, orders, orders_eu, single"),
        (("--project=idle",), "PIPELINE=(empty): expected a pipeline: idle has none"),
        (("--project=orders",), "PIPELINE=(empty): expected one of late, early"),
        (("--project=single",), "FROM=(empty): expected a day (YYYY-MM-DD)"),
        (("--project=single", "--first=2026-11-01", "--last=1.12."), "TO=1.12.: expected a day"),
    ],
)
def test_what_cannot_be_filled_is_told_in_one_line(command, words, message):
    code, told = command("backfill", *words)
    assert code == 1
    (line,) = told.splitlines()
    assert message in line


# ─── make job ───


def test_a_job_runs_with_its_arguments(command, domain):
    words = """--full_rebuild true --note 'two words' --json '{"a": "b c"}' --empty ''"""
    code, told = command("job", "--project=orders", "--job=load_all", f"--arguments={words}")
    assert code == 0, told
    (run,) = domain.endpoint.client("glue").get_job_runs(JobName=domain.name("orders", "load_all"))["JobRuns"]
    assert f"SUCCEEDED after {run['ExecutionTime']} s, run {run['Id']}" in told
    given = {"--full_rebuild": "true", "--note": "two words", "--json": '{"a": "b c"}', "--empty": ""}
    assert run["Arguments"].items() >= given.items()


def test_a_job_that_fails_tells_why(command):
    code, told = command("job", "--project=orders", "--job=load_all", "--arguments=--fail yes")
    assert code == 1
    assert "FAILED load_all: " in told
    assert "told to fail" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--job=lod",), "JOB=lod: expected one of load_all"),
        ((), "JOB=(empty): expected one of load_all"),
        (("--job=load_all", "--arguments=--a 'b"), "No closing quotation"),
        (("--job=load_all", "--arguments=a b"), "ARGS: a is no name; expected pairs of --name and value"),
        (("--job=load_all", "--arguments=--a"), "ARGS: --a has no value"),
        (("--job=load_all", "--arguments=--a --b c"), "ARGS: --a has no value"),
    ],
)
def test_what_is_no_job_is_told_in_one_line(command, words, message):
    code, told = command("job", "--project=orders", *words)
    assert code == 1
    (line,) = told.splitlines()
    assert message in line


def test_a_job_that_is_not_deployed_is_named(command, domain):
    code, told = command("job", "--project=single", "--job=load_all")
    assert code == 1
    assert f"there is no job {domain.name('single', 'load_all')} here: `make up` makes it" in told


# ─── make drop ───


def landing(domain, project: str) -> dict[str, bytes]:
    """What lies in a project's landing zone, by key."""
    s3, bucket, prefix = domain.endpoint.client("s3"), domain.bucket("raw"), f"landing/{project}/"
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {
        each["Key"].removeprefix(prefix): s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        for each in found
    }


@pytest.mark.parametrize("name", ["a.csv", "two words.csv", "pay[1]*?.jsonl", 'it\'s $HOME "x".csv', "-v"])
@pytest.mark.parametrize(("to", "below"), [("", ""), ("sub/folder", "sub/folder/"), ("/sub//x/", "sub/x/")])
def test_a_file_is_dropped_under_its_name(command, domain, tmp_path, name, to, below):
    file = tmp_path / name
    file.write_text("1234567")
    code, told = command("drop", "--project=orders", f"--file={file}", f"--to={to}")
    assert (code, told) == (0, f"s3://{domain.bucket('raw')}/landing/orders/{below}{name} (7 bytes)\n")
    assert landing(domain, "orders")[f"{below}{name}"] == b"1234567"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--project=other", "--file={file}"), "PROJECT=other: expected one of idle, orders"),
        (("--project=orders", "--file={file}.gone"), "expected a file, there is none"),
        (("--project=orders", "--file={folder}"), "expected a file, there is a folder"),
        (("--project=orders", "--file="), "FILE=(empty): expected a file"),
        (("--project=orders", "--file={file}", "--to=../other"), "TO=../other: expected a folder below"),
    ],
)
def test_what_cannot_be_dropped_is_told_in_one_line(command, tmp_path, words, message):
    file = tmp_path / "a.csv"
    file.write_text("x")
    code, told = command("drop", *(word.format(file=file, folder=tmp_path) for word in words))
    assert code == 1
    (line,) = told.splitlines()
    assert message in line


# ─── Samples ───


def test_a_sample_is_dropped_once(domain, checkout):
    """Neither what somebody put in its place nor its absence is undone; what is new comes."""
    s3, bucket, key = domain.endpoint.client("s3"), domain.bucket("raw"), "landing/orders/orders.csv"
    domain.drop_inputs()
    assert landing(domain, "orders")["orders.csv"] == b"sample"
    s3.put_object(Bucket=bucket, Key=key, Body=b"mine")
    domain.drop_inputs()
    assert landing(domain, "orders")["orders.csv"] == b"mine"
    s3.delete_object(Bucket=bucket, Key=key)
    new = checkout / "samples" / "single" / "more.csv"
    new.parent.mkdir()
    new.write_text("new")
    domain.drop_inputs()
    assert "orders.csv" not in landing(domain, "orders")
    assert landing(domain, "single") == {"more.csv": b"new"}


def test_a_project_that_is_made_anew_gets_its_sample_again(domain):
    domain.forget_project("orders")
    domain.drop_inputs()
    assert landing(domain, "orders") == {"orders.csv": b"sample"}


# ─── make ───


@pytest.mark.parametrize(
    "words",
    [
        ("run", "PROJECT=orders", "PIPELINE=daily", 'INPUT={"arguments": {"--note": "it\'s $HOME"}}'),
        ("job", "PROJECT=orders", "JOB=load", "ARGS=--note 'two words' --b \"c\""),
        ("drop", "PROJECT=orders", "FILE=a b/pay[1]*.csv", "TO=sub/folder"),
    ],
)
def test_make_hands_each_variable_over_as_it_is(words):
    told = subprocess.run(
        ["make", "--dry-run", "--always-make", *words], capture_output=True, cwd=TOP, text=True
    ).stdout
    (line,) = [line for line in told.splitlines() if "meshtest.domain.demo" in line]
    given = {word.partition("=")[0]: word.partition("=")[2] for word in shlex.split(line) if "=" in word}
    options = {"JOB": "--job", "ARGS": "--arguments"}
    for word in words[1:]:
        name, _, value = word.partition("=")
        assert given[options.get(name, f"--{name.lower()}")] == value
