"""The warm engine does what the plain binary does, and leaves nothing behind however it ends."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tftest

from meshtest.terraform import workspace
from meshtest.terraform.engine import Engine, EngineError, TerraformTest
from meshtest.terraform.provider import Provider, ProviderError
from meshtest.testing.plans import REGION
from meshtest.tools import toolchain

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
def session(environment, infrastructure, temporary, terraform):
    """session(code) → a process of its own that runs code with a warm module `runner` after a plan."""
    terraform(infrastructure / "modules" / "s3_bucket")  # init, which a plan needs
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
def test_nothing_is_left_of_a_session(session, temporary, end):
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


def test_a_crash_under_a_command_is_told(engine, environment, tmp_path):
    (tmp_path / "main.tf").write_text(SLEEPER)
    before = below(os.getpid())
    runner = TerraformTest(tmp_path, env=environment, engine=engine)
    runner.init()
    (worker,) = (pid for pid in below(os.getpid()) - before if "meshtest.terraform.worker" in program(pid))
    threading.Timer(2, os.kill, [worker, signal.SIGKILL]).start()
    with pytest.raises(EngineError, match=r"Terraform died while it ran apply .*exit code -9"):
        runner.apply()


# ─── Out of step ───


def raise_timeout(*_: object) -> None:
    raise TimeoutError("it takes too long")


def fail(*_: object) -> None:
    pytest.fail("Timeout >1.0s")  # as pytest-timeout does


def interrupt(*_: object) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.2)  # and once more, while the first is being served
    raise KeyboardInterrupt


@pytest.fixture
def sleeper(engine, environment, tmp_path) -> TerraformTest:
    """A module whose apply takes a minute, on an engine of its own."""
    (tmp_path / "main.tf").write_text(SLEEPER)
    runner = TerraformTest(tmp_path, env=environment, engine=engine)
    runner.init()
    return runner


@pytest.mark.parametrize("handler", [raise_timeout, fail, interrupt])
def test_a_command_after_an_interruption_gets_its_own_answer(sleeper, handler):
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        with pytest.raises((TimeoutError, pytest.fail.Exception, KeyboardInterrupt)):
            sleeper.apply()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    answer = sleeper.execute_command("version", "-json")
    assert json.loads(answer.out)["platform"]
    assert sleeper.execute_command("workspace", "show").out == "default\n"


def test_an_exception_thrown_into_another_thread_does_not_mix_answers_up(sleeper):
    (Path(sleeper.tfdir) / "main.tf").write_text(SLEEPER.replace("60", "3"))
    raised: list[BaseException] = []

    def apply() -> None:
        try:
            sleeper.apply()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=apply)
    thread.start()
    time.sleep(1)
    thrown = ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(RuntimeError)
    )
    thread.join()
    assert thrown == 1
    assert [type(error) for error in raised] == [RuntimeError]
    assert sleeper.execute_command("workspace", "show").out == "default\n"


def test_threads_share_a_module(infrastructure, terraform):
    runner = terraform(infrastructure / "modules" / "s3_bucket")
    names = [f"exa-{number}-123456789012-dev" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        plans = pool.map(
            lambda name: runner.plan(output=True, tf_vars={"bucket_name": name}, lock=False), names
        )
        assert [plan.variables["bucket_name"] for plan in plans] == names


def test_forks_share_a_module(infrastructure, terraform):
    """Side by side with their parent, and when one of them is killed under a command."""
    runner = terraform(infrastructure / "modules" / "s3_bucket")
    names = [f"exa-{number}-123456789012-dev" for number in range(4)]
    context = multiprocessing.get_context("fork")
    victim = context.Process(target=planned, args=(runner, names[0]))
    victim.start()
    # A module cannot be pickled, with stock tftest neither: the pool has it from the fork.
    with context.Pool(3, initializer=FORKED.append, initargs=[runner]) as pool:
        answers = pool.map_async(planned_in_pool, names)
        victim.kill()
        assert planned(runner, "exa-own-123456789012-dev") == "exa-own-123456789012-dev"
        assert answers.get(120) == names


FORKED: list[TerraformTest] = []


def planned_in_pool(name: str) -> str:
    return planned(FORKED[0], name)


def planned(runner: TerraformTest, name: str) -> str:
    return runner.plan(output=True, tf_vars={"bucket_name": name}, lock=False).variables["bucket_name"]


# ─── How many there are ───


def started(before: set[int]) -> list[str]:
    """What runs of an engine, by the last word of its program's name."""
    programs = [program(pid) for pid in below(os.getpid()) - before]
    return sorted(kind for kind in ("provider-aws", "terraform.worker") for each in programs if kind in each)


def test_variables_that_decide_nothing_start_nothing(engine, infrastructure, environment):
    before = below(os.getpid())
    runner = TerraformTest(infrastructure / "modules" / "iam_role", engine=engine)
    for number in range(3):
        noise = {"PYTEST_CURRENT_TEST": f"test {number}", "SHLVL": str(number), "BUILD_NUMBER": str(number)}
        runner.env = {**environment, **noise}
        runner.init()
    assert started(before) == ["provider-aws", "terraform.worker"]


def test_two_environments_stay_and_no_more(engine, infrastructure, environment):
    before = below(os.getpid())
    runner = TerraformTest(infrastructure / "modules" / "iam_role", engine=engine)
    for region in ("us-west-1", "us-west-2", "ca-central-1"):
        runner.env = {**environment, "AWS_REGION": region}
        runner.init()
    assert started(before) == ["provider-aws"] * 2 + ["terraform.worker"] * 2


def test_what_is_idle_ends(engine, infrastructure, environment, monkeypatch):
    monkeypatch.setattr("meshtest.terraform.engine._IDLE_S", 2.0)
    before = below(os.getpid())
    runner = TerraformTest(infrastructure / "modules" / "iam_role", env=environment, engine=engine)
    runner.env = environment
    runner.init()
    assert are_gone(below(os.getpid()) - before)
    assert runner.plan(output=True, tf_vars=ROLE, lock=False).resource_changes


def test_many_plans_take_no_more_descriptors_than_one(session):
    """At a limit that 30 plans in one worker are beyond; a worker that is worn is replaced."""
    process = session(
        f"""
import os, pathlib, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (192, 192))
runner._engine.close()
before = len(list(pathlib.Path("/dev/fd").iterdir()))
for _ in range(40):
    runner.plan(output=True, tf_vars={BUCKET!r}, lock=False)
print(len(list(pathlib.Path("/dev/fd").iterdir())) - before)
"""
    )
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert int(out) <= 6  # one worker's and one provider's pipes


def program(pid: int) -> str:
    """The words of a process's command line; of the guard, which names the provider, too, none."""
    words = subprocess.run(["ps", "-wwo", "args=", "-p", str(pid)], capture_output=True, text=True).stdout
    return "" if words.startswith("/bin/sh") else words


# ─── What plain Terraform refuses ───

AWS = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}
data "aws_region" "here" {}
output "region" { value = data.aws_region.here.name }
"""


@pytest.fixture
def both(tmp_path, environment):
    """both(text) → stock tftest and the engine, each on a folder with a module of this text."""

    def both(text: str, more: dict[str, str] | None = None) -> list[tftest.TerraformTest]:
        runners = []
        for name, made in (("plain", tftest.TerraformTest), ("warm", TerraformTest)):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "main.tf").write_text(text)
            runner = made(str(folder), **({"binary": str(toolchain.terraform())} if name == "plain" else {}))
            runner.env = {**environment, **(more or {})}
            runners.append(runner)
        return runners

    return both


def refused(runner: tftest.TerraformTest, *command: str) -> str:
    with pytest.raises(tftest.TerraformTestError) as caught:
        runner.execute_command(*command)
    return str(caught.value.cmd_error)


def change(runner: tftest.TerraformTest, old: str, new: str, file: str = "main.tf") -> None:
    place = Path(runner.tfdir) / file
    assert old in place.read_text()
    place.write_text(place.read_text().replace(old, new))


@pytest.mark.parametrize("version", ["~> 4.0", ">= 99", "< 5.0, > 4", "!= 5.100.0, < 5.100.1, > 5.99"])
def test_an_init_that_no_version_allows(both, version):
    plain, warm = both(AWS.replace("~> 5.0", version))
    words = refused(plain, "init", "-input=false")
    assert "hashicorp/aws" in words
    assert refused(warm, "init", "-input=false") == words


def test_a_version_that_a_change_excludes(both):
    words = []
    for runner in both(AWS):
        runner.init()
        change(runner, "~> 5.0", "~> 4.0")
        words.append(refused(runner, "plan", "-input=false"))
    assert "Inconsistent dependency lock file" in words[0]
    assert words[1] == words[0]


def test_a_terraform_that_is_too_old(both):
    words = []
    for runner in both(AWS):
        runner.init()
        change(runner, "terraform {", 'terraform {\n  required_version = ">= 99"')
        words.append([refused(runner, command, "-no-color") for command in ("init", "plan")])
    assert all("Unsupported Terraform Core version" in each for each in words[0])
    assert words[1] == words[0]


@pytest.mark.parametrize("command", ["plan", "apply", "validate", "destroy", "show"])
def test_a_command_before_init(both, command):
    plain, warm = both(AWS)
    if command == "show":  # without a state it has nothing to show, and says so
        assert warm.execute_command("show").out == plain.execute_command("show").out
        return
    words = refused(plain, command)
    assert "terraform init" in words
    assert refused(warm, command) == words


def test_a_lock_file_is_written_as_by_plain_terraform_and_held_where_asked(both):
    plain, warm = both(AWS)
    for runner in (plain, warm):
        refusal = refused(runner, "init", "-lockfile=readonly")
        assert "read-only" in refusal
        runner.init()
    locks = [(Path(runner.tfdir) / ".terraform.lock.hcl").read_text() for runner in (plain, warm)]
    assert "h1:" in locks[0]
    assert locks[1] == locks[0]
    for runner in (plain, warm):
        change(runner, "h1:", "h1:A", ".terraform.lock.hcl")
    assert "doesn't match" in refused(plain, "init", "-no-color").replace("\n", " ")
    assert refused(warm, "init", "-no-color") == refused(plain, "init", "-no-color")


def test_two_configurations_of_the_provider_stay_two(both):
    """A warm provider has only one; the plain binary starts one for each."""
    _, warm = both(
        AWS.replace(
            "data", 'provider "aws" {}\nprovider "aws" {\n  alias  = "b"\n  region = "eu-north-1"\n}\ndata', 1
        )
        + 'data "aws_region" "b" { provider = aws.b }\noutput "b" { value = data.aws_region.b.name }\n'
    )
    warm.init()
    outputs = warm.plan(output=True, lock=False).outputs
    assert (outputs["region"], outputs["b"]) == (REGION, "eu-north-1")


def test_a_bundle_of_certificates_of_ones_own(both, endpoint):
    """The provider takes it once for each process; the plain binary starts one for each command."""
    _, warm = both(AWS, {"AWS_CA_BUNDLE": str(endpoint.ca_bundle)})
    warm.init()
    for _ in range(2):
        assert warm.plan(output=True, lock=False).outputs["region"] == REGION


def test_a_folder_that_is_missing(tmp_path):
    errors = []
    for made in (tftest.TerraformTest, TerraformTest):
        with pytest.raises(tftest.TerraformTestError) as caught:
            made(str(tmp_path / "none"), binary=None if made is TerraformTest else "terraform").init()
        errors.append((str(caught.value), caught.value.cmd_error if len(caught.value.args) > 1 else None))
    assert "No such file or directory" in errors[0][0]
    assert errors[1] == errors[0]


def test_tfdir_is_the_path_that_was_given(tmp_path):
    assert TerraformTest(tmp_path).tfdir == tmp_path
    assert TerraformTest(str(tmp_path)).tfdir == str(tmp_path)


def test_programs_that_terraform_starts_see_the_whole_environment(both):
    text = 'resource "terraform_data" "this" {\n  provisioner "local-exec" { command = "echo [$WORD]" }\n}\n'
    _, warm = both(text)
    for word in ("one", "two"):
        warm.env["WORD"] = word
        warm.init()
        again = warm.execute_command("apply", "-auto-approve", "-replace=terraform_data.this", "-no-color")
        assert f"[{word}]" in again.out


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
