"""Plans of modules and stacks, each made once for the session, on an embedded AWS of their own.

A test says by ``@pytest.mark.proves("control-id")`` that it holds a control to the real thing, and by
``notices`` that it puts a fault before it, which has to be seen.

pytest loads this file in every run: what takes long to import is imported where it is used.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshtest.check import controls
from meshtest.tools import environment as surroundings

if TYPE_CHECKING:
    import tftest
    from xdist.scheduler import Scheduling

    from meshtest.emulator import Endpoint

EXAMPLE_PROJECT = "example"
MARKERS = ("proves", "notices")
LIVE = "/live/"
# Whole domains, made one after the other.
LONG = (LIVE, "/template/")

# Before anything that reads its settings is imported.
surroundings.clean(with_aws=os.environ.get("BACKEND") == "aws")


@dataclass(frozen=True)
class Warm:
    """What a run finds started that is forked from the warm server (meshtest.testing.warm_server)."""

    endpoint: Endpoint
    infrastructure: Path


# None in every other process.
warm: Warm | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Have the warm server run plan tests, before anything of theirs is imported here.

    Raises:
        SystemExit: it has; with pytest's status.
    """
    if warm is not None:
        return
    from meshtest.testing import warm as client

    if (status := client.run(early_config)) is not None:
        raise SystemExit(status)


# ─── Which test proves which control ───


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this plugin."""
    parser.addoption(
        "--proofs", type=Path, metavar="FILE", help="write there which tests prove which controls"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", "proves(*controls): it holds the controls to the real thing")
    config.addinivalue_line("markers", "notices(*controls): it puts a fault before the controls")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put first what takes longest, and refuse a marker that names no control."""
    if hasattr(config, "workerinput"):  # side by side; in one process the live probes come last
        items.sort(key=lambda item: not any(each in item.nodeid for each in LONG))
    known = {each.id for each in controls.all_controls()}
    for item in items:
        if unknown := {control for ids in proofs(item).values() for control in ids} - known:
            raise pytest.UsageError(f"{item.nodeid}: there is no control {', '.join(sorted(unknown))}")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write which tests prove which controls, if asked to."""
    if file := session.config.getoption("--proofs", None):
        marked = {item.nodeid: proofs(item) for item in session.items if any(proofs(item).values())}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(marked, indent=2) + "\n")


# ─── Side by side ───


@pytest.hookimpl(optionalhook=True)  # a mutant's judge runs without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Return what hands the tests to the workers."""
    from meshtest.testing.scheduling import ByFile

    return ByFile(config, log)


# ─── Proofs ───


def proofs(item: pytest.Item) -> dict[str, list[str]]:
    """The controls that a test proves, and those before which it puts a fault."""
    return {
        marker: [control for found in item.iter_markers(marker) for control in found.args]
        for marker in MARKERS
    }


# ─── Plans ───


class Plans:
    """plans(root, variables) → the plan of a root module from an empty state, made once."""

    def __init__(self, terraform: Callable[[Path], tftest.TerraformTest]) -> None:
        self._terraform = terraform
        self._known: dict[tuple[Path, str], tftest.TerraformPlanOutput] = {}

    def __call__(self, root: Path, variables: Mapping[str, Any] | None = None) -> tftest.TerraformPlanOutput:
        """Return the plan of a root with variables, made at the first call."""
        key = root, json.dumps(variables, sort_keys=True)
        if key not in self._known:
            arguments = as_arguments(variables or {})
            self._known[key] = self._terraform(root).plan(output=True, tf_vars=arguments, lock=False)
        return self._known[key]

    def forget(self, roots: Collection[Path]) -> None:
        """What is planned of these roots from now on is planned anew (mutation changes them)."""
        self._known = {key: plan for key, plan in self._known.items() if key[0] not in roots}


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory, infrastructure: Path) -> Iterator[Endpoint]:
    """An embedded AWS with the state buckets of all environments."""
    from meshtest import emulator
    from meshtest.terraform import foundation_state

    if warm:
        yield warm.endpoint
        return
    with emulator.running(tmp_path_factory.mktemp("emulator")) as endpoint:
        foundation_state.make_buckets(endpoint, infrastructure.parent)
        yield endpoint


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy of infrastructure/ and setup/, under an example's names, which tests may write into."""
    from meshtest.terraform import workspace

    target = warm.infrastructure.parent if warm else tmp_path_factory.mktemp("domain")
    return workspace.prepare(target, workspace.EXAMPLE)


@pytest.fixture(scope="session")
def example_project(infrastructure: Path) -> Path:
    """A project of the template, as `make new-project NAME=example` makes its root module."""
    from meshtest.domain import projects

    root = infrastructure / "projects" / EXAMPLE_PROJECT
    shutil.copytree(infrastructure / "projects" / "_template", root, dirs_exist_ok=True)
    contract, project = root / "contract.odcs.yaml", root / "project.json"
    contract.write_text(projects.renamed(contract.read_text(), EXAMPLE_PROJECT))
    project.write_text(json.dumps(json.loads(project.read_text()) | {"name": EXAMPLE_PROJECT}))
    return root


@pytest.fixture(scope="session")
def terraform(endpoint: Endpoint, infrastructure: Path) -> Callable[[Path], tftest.TerraformTest]:
    """A root module, initialised: a module's folder, or a stack's with its state in the emulator."""
    from meshtest.terraform import workspace
    from meshtest.terraform.engine import TerraformTest

    environment = workspace.environment(endpoint, infrastructure.parent)
    known: dict[Path, tftest.TerraformTest] = {}

    def terraform(root: Path) -> tftest.TerraformTest:
        if root not in known:
            runner = TerraformTest(root, env=environment)
            runner.init(init_vars=backend(root, endpoint) if 'backend "s3"' in settings(root) else None)
            known[root] = runner
        return known[root]

    return terraform


@pytest.fixture(scope="session")
def plan(terraform: Callable[[Path], tftest.TerraformTest]) -> Plans:
    """The plans of the session."""
    return Plans(terraform)


@pytest.fixture(scope="session")
def foundation(endpoint: Endpoint, infrastructure: Path, plan: Plans) -> dict[str, Any]:
    """The outputs of dev's foundation, put where the projects look for them."""
    from meshtest.terraform import foundation_state

    planned = plan(infrastructure / "environments" / "dev").outputs
    bucket = foundation_state.bucket(endpoint.account_id, "dev", infrastructure.parent)
    return foundation_state.publish(endpoint, bucket, planned)


def settings(root: Path) -> str:
    """Return the text of a root's versions.tf; empty if it has none."""
    return "".join(file.read_text() for file in root.glob("versions.tf"))


def backend(root: Path, endpoint: Endpoint) -> dict[str, str]:
    """Return the settings of a stack's S3 backend, by name."""
    from meshtest.terraform import foundation_state

    # Not the keys of a deployed domain: a plan here always starts from nothing.
    env = root.name if root.parent.name == "environments" else "dev"
    return {
        "bucket": foundation_state.bucket(endpoint.account_id, env, root.parents[2]),
        "key": f"planned/{root.name}.tfstate",
        "region": endpoint.region,
        "use_path_style": "true",
    }


def as_arguments(variables: Mapping[str, Any]) -> dict[str, str]:
    """Return variables as tftest takes them: text as it is, the rest as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
