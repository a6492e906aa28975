"""The warm engine does what the plain binary does, and leaves nothing behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import tftest

from meshtest import toolchain
from meshtest.terraform import workspace
from meshtest.terraform.engine import Engine, EngineError, TerraformTest
from meshtest.terraform.provider import Provider, ProviderError
from meshtest.testing.plans import REGION

BUCKET = {"bucket_name": "exa-raw-123456789012-dev"}
SLEEPER = """
resource "terraform_data" "slow" {
  provisioner "local-exec" { command = "touch started; exec sleep 60" }
}
"""
ROLE = {
    "description": "d",
    "name": "exa-r-dev",
    "service": "states.amazonaws.com",
    "source_arns": [f"arn:aws:states:{REGION}:123456789012:stateMachine:exa-daily-dev"],
}


@pytest.fixture(scope="module")
def environment(endpoint, infrastructure) -> dict[str, str]:
    return workspace.environment(endpoint, infrastructure.parent)


@pytest.fixture(scope="module")
def plain(environment, infrastructure):
    """plain(root) → stock tftest on the plain binary, initialised."""
    known: dict[Path, tftest.TerraformTest] = {}

    def plain(root: Path) -> tftest.TerraformTest:
        if root not in known:
            # A folder of its own: the two inits must not see each other's .terraform.
            runner = tftest.TerraformTest(str(root), binary=str(toolchain.terraform()))
            runner.env = {**environment, "TF_DATA_DIR": ".terraform.plain"}
            runner.init(backend=False)
            known[root] = runner
        return known[root]

    return plain


# ─── The same as the plain binary ───


@pytest.mark.parametrize("root", ["modules/s3_bucket", "modules/stepfunction_pipeline", "foundation"])
def test_a_plan_is_the_plain_binarys(root, infrastructure, plain, plan, inputs):
    folder = infrastructure / root
    variables = inputs[root]
    warm = plan(folder, variables)
    cold = plain(folder).plan(output=True, tf_vars=variables, lock=False)
    assert comparable(warm) == comparable(cold)


def comparable(plan: tftest.TerraformPlanOutput) -> dict:
    """A plan without its time; Terraform itself writes the relevant attributes in any order."""
    content = {name: value for name, value in plan.items() if name != "timestamp"}
    return {**content, "relevant_attributes": sorted(content["relevant_attributes"], key=json.dumps)}


@pytest.fixture(scope="module")
def inputs() -> dict[str, dict]:
    foundation = {"aws_region": REGION, "domain_abbr": "exa", "domain_name": "example", "env": "dev"}
    return {
        "foundation": foundation,
        "modules/s3_bucket": BUCKET,
        "modules/stepfunction_pipeline": {
            "glue_job_names": ["a", "b"],
            "kms_key_arn": f"arn:aws:kms:{REGION}:123456789012:key/0000-1111",
            "pipeline_name": "exa-daily-dev",
            "release": {
                "bucket": "artifacts",
                "package": "jobs/p/p.zip",
                "scripts": {name: f"jobs/p/{name}.py" for name in ("a", "b")},
            },
            "role_arn": "arn:aws:iam::123456789012:role/exa-sfn-dev",
        },
    }


def test_a_refusal_is_worded_as_the_plain_binary_words_it(infrastructure, plain, terraform):
    folder = infrastructure / "modules" / "s3_bucket"
    errors = []
    for runner in (plain(folder), terraform(folder)):
        with pytest.raises(tftest.TerraformTestError) as caught:
            runner.plan(output=True, tf_vars={"bucket_name": "No_Bucket"}, lock=False)
        errors.append(caught.value.cmd_error)
    assert "No_Bucket" in errors[0]
    assert errors[1] == errors[0]


def test_a_plan_without_output_is_the_text_for_people(infrastructure, plain, terraform):
    folder = infrastructure / "modules" / "s3_bucket"
    texts = [runner.plan(tf_vars=BUCKET, lock=False) for runner in (plain(folder), terraform(folder))]
    assert "# aws_s3_bucket.this will be created" in texts[0]
    # Above this are the data sources, in any order and with the time that they took.
    plans = [text.partition("Terraform used the selected providers")[2] for text in texts]
    assert plans[1] == plans[0]


def test_every_command_of_tftest_works(tmp_path, environment):
    (tmp_path / "main.tf").write_text(
        """
        variable "word" { type = string }
        resource "terraform_data" "this" { input = var.word }
        output "word" { value = terraform_data.this.output }
        """
    )
    runner = TerraformTest(tmp_path, env=environment)
    runner.setup(cleanup_on_exit=False, workspace_name="other")
    assert runner.plan(output=True, tf_vars={"word": "one"}).resource_changes
    runner.apply(tf_vars={"word": "one"})
    assert runner.output()["word"] == "one"
    assert runner.state_pull().resources["None.terraform_data.this"]
    assert runner.execute_command("validate", "-json").retcode == 0
    assert "Destroy complete" in runner.destroy(tf_vars={"word": "one"})


def test_the_lock_file_stays_as_it_is(infrastructure, terraform):
    root = infrastructure / "environments" / "int"
    before = (root / ".terraform.lock.hcl").read_text()
    terraform(root)
    assert (root / ".terraform.lock.hcl").read_text() == before


# ─── Cached plans ───


def test_a_plan_is_kept_until_a_file_that_it_depends_on_changes(tmp_path, endpoint, monkeypatch, environment):
    infrastructure = workspace.prepare(tmp_path, workspace.EXAMPLE)
    folder = infrastructure / "modules" / "iam_role"
    runner = TerraformTest(folder, env=environment, enable_cache=True, cache_dir=tmp_path / "plans")
    runner.init()
    commands = []
    run = Engine.run
    monkeypatch.setattr(Engine, "run", lambda self, *args: commands.append(args[1][0]) or run(self, *args))
    plans = [runner.plan(output=True, tf_vars=ROLE, use_cache=True) for _ in range(2)]
    assert plans[0].resource_changes == plans[1].resource_changes
    assert commands == ["plan", "show"]
    (folder / "main.tf").write_text((folder / "main.tf").read_text() + '\noutput "more" { value = 1 }\n')
    assert "more" in runner.plan(output=True, tf_vars=ROLE, use_cache=True).outputs
    assert commands == ["plan", "show"] * 2


# ─── How it ends ───


def below(pid: int) -> set[int]:
    """The processes that a process started, and theirs."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = dict(map(int, line.split()) for line in listing.splitlines())
    found: set[int] = set()
    while new := {child for child, parent in parents.items() if parent in {pid, *found}} - found:
        found |= new
    return found


def are_gone(pids: set[int], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def is_alive(pid: int) -> bool:
    # Of every thread: a process whose first thread is dead lives until its others are.
    states = subprocess.run(
        ["ps", "-L", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
    ).stdout
    return any(not state.startswith("Z") for state in states.split())


@pytest.fixture
def temporary():
    """Where a process of its own keeps what is temporary; pytest's folders are too long for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def session(environment, infrastructure, temporary):
    """session(code) → a process of its own that runs code with a warm module `runner` after a plan."""
    started: list[subprocess.Popen[str]] = []
    prelude = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in a shell's background ignores it
from meshtest.terraform.engine import TerraformTest
runner = TerraformTest({str(infrastructure / "modules" / "s3_bucket")!r})
runner.env = {environment!r}
runner.plan(output=True, tf_vars={BUCKET!r}, lock=False)
print("planned", flush=True)
"""

    def session(code: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", prelude + code],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout.readline() == "planned\n"
        return process

    yield session
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("end", ["return", "kill"])
def test_nothing_is_left_of_a_session(session, terraform, infrastructure, temporary, end):
    terraform(infrastructure / "modules" / "s3_bucket")
    process = session("sys.stdin.readline()")
    children = below(process.pid)
    assert len(children) >= 3  # the worker, the provider and its guard
    assert list(temporary.glob("tf-provider-*/plugin*"))
    if end == "kill":
        process.kill()
    process.communicate("\n")
    assert are_gone(children)
    assert list(temporary.iterdir()) == []


def test_an_interrupt_ends_an_apply_in_order(session, tmp_path_factory):
    """The lock is released and the state is written, as the plain binary does it."""
    folder = tmp_path_factory.mktemp("slow")
    (folder / "main.tf").write_text(SLEEPER)
    process = session(
        f"""
slow = TerraformTest({str(folder)!r}, env=runner.env)
slow.init()
slow.apply()
"""
    )
    while not (folder / "started").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert not (folder / ".terraform.tfstate.lock.info").exists()
    assert json.loads((folder / "terraform.tfstate").read_text())["resources"][0]["name"] == "slow"


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


@pytest.mark.parametrize("victim", ["terraform-provider-aws", "meshtest.terraform.worker"])
def test_after_a_crash_the_next_command_works(engine, infrastructure, environment, victim):
    before = below(os.getpid())
    runner = TerraformTest(infrastructure / "modules" / "iam_role", engine=engine)
    runner.env = environment
    runner.init()
    killed = {pid for pid in below(os.getpid()) - before if victim in program(pid)}
    assert len(killed) == 1
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert are_gone(killed)
    assert runner.plan(output=True, tf_vars=ROLE, lock=False).resource_changes


def test_a_worker_that_rested_for_long_is_replaced(engine, infrastructure, environment, monkeypatch):
    runner = TerraformTest(infrastructure / "modules" / "iam_role", env=environment, engine=engine)
    before = below(os.getpid())
    runner.init()
    monkeypatch.setattr("meshtest.terraform.engine._WORN_AFTER_LOOKS", 0)
    rested = {pid for pid in below(os.getpid()) - before if "meshtest.terraform.worker" in program(pid)}
    assert runner.plan(output=True, tf_vars=ROLE, lock=False).resource_changes
    assert len(rested) == 1
    assert are_gone(rested)


def test_a_crash_under_a_command_is_told(engine, environment, tmp_path):
    (tmp_path / "main.tf").write_text(SLEEPER)
    before = below(os.getpid())
    runner = TerraformTest(tmp_path, env=environment, engine=engine)
    runner.init()
    (worker,) = (pid for pid in below(os.getpid()) - before if "meshtest.terraform.worker" in program(pid))
    threading.Timer(2, os.kill, [worker, signal.SIGKILL]).start()
    with pytest.raises(EngineError, match=r"Terraform died while it ran apply .*exit code -9"):
        runner.apply()


def program(pid: int) -> str:
    """The words of a process's command line; of the guard, which names the provider, too, none."""
    words = subprocess.run(["ps", "-wwo", "args=", "-p", str(pid)], capture_output=True, text=True).stdout
    return "" if words.startswith("/bin/sh") else words


# ─── Without it ───


def test_without_the_provider_the_plain_binary_runs(monkeypatch, infrastructure, environment, caplog):
    def missing() -> Path:
        raise toolchain.ToolMissing("no provider here")

    monkeypatch.setattr(toolchain, "provider_binary", missing)
    engine = Engine()
    runner = TerraformTest(infrastructure / "modules" / "iam_role", engine=engine)
    runner.env = environment
    assert runner.execute_command("version").retcode == 0
    assert engine.cold_because == "no provider here"
    assert "no provider here" in caplog.text


def test_where_no_socket_can_be_the_plain_binary_runs(
    monkeypatch, infrastructure, environment, caplog, tmp_path
):
    place = tmp_path / ("long" * 25)
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    runner = TerraformTest(infrastructure / "modules" / "iam_role", engine=Engine())
    runner.env = environment
    assert runner.execute_command("version").retcode == 0
    assert f"TMPDIR {place}: the path of a socket below it would have" in caplog.text
    assert list(place.iterdir()) == []


def test_a_provider_that_ends_at_once_is_told_with_its_last_words(environment, tmp_path):
    program = tmp_path / "provider"
    program.write_text("#!/bin/sh\necho starting >&2; echo no room left >&2; exit 1\n")
    program.chmod(0o755)
    with pytest.raises(ProviderError, match=r"^the provider did not start in its debug mode: no room left$"):
        Provider(program, environment)
