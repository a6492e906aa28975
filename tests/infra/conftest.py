"""Plans of modules and stacks, each made once for the session, on an embedded AWS of their own.

A test says by ``@pytest.mark.proves("control-id")`` that it holds a control to the real thing, and by
``notices`` that it puts a fault before it, which has to be seen.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tftest
from xdist.scheduler import LoadScopeScheduling

from meshtest import backends, controls, emulator, projects
from meshtest.backends import Ability
from meshtest.emulator import Endpoint
from meshtest.terraform import foundation_state, workspace
from meshtest.terraform.engine import TerraformTest

STATE_BUCKET = "exa-tfstate-123456789012-{env}"
EXAMPLE_PROJECT = "example"
MARKERS = ("proves", "notices")
LIVE = "/live/"


# ─── Which test proves which control ───


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--proofs", type=Path, metavar="FILE", help="write there which tests prove which controls"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "proves(*controls): it holds the controls to the real thing")
    config.addinivalue_line("markers", "notices(*controls): it puts a fault before the controls")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # side by side what takes longest goes first, else last
        items.sort(key=lambda item: LIVE not in item.nodeid)
    known = {each.id for each in controls.all_controls()}
    for item in items:
        if unknown := {control for ids in proofs(item).values() for control in ids} - known:
            raise pytest.UsageError(f"{item.nodeid}: there is no control {', '.join(sorted(unknown))}")


def pytest_collection_finish(session: pytest.Session) -> None:
    if file := session.config.getoption("--proofs", None):
        marked = {item.nodeid: proofs(item) for item in session.items if any(proofs(item).values())}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(marked, indent=2) + "\n")


# ─── Side by side ───


class ByFile(LoadScopeScheduling):
    """Files side by side; the live probes of a folder share one domain, and so one worker."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # the order is that of the items
        self._is_shared = Ability.SEVERAL_DOMAINS not in backends.selected().abilities

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if LIVE not in file:
            return file
        # Below a folder of the live probes lie those of a project, on the same domain.
        return (
            LIVE if self._is_shared else LIVE + file.partition(LIVE)[2].rpartition("/")[0].partition("/")[0]
        )


@pytest.hookimpl(optionalhook=True)  # a mutant's judge runs without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
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
        key = root, json.dumps(variables, sort_keys=True)
        if key not in self._known:
            arguments = as_arguments(variables or {})
            self._known[key] = self._terraform(root).plan(output=True, tf_vars=arguments, lock=False)
        return self._known[key]

    def forget(self, roots: Collection[Path]) -> None:
        """What is planned of these roots from now on is planned anew (meshtest.mutation changes them)."""
        self._known = {key: plan for key, plan in self._known.items() if key[0] not in roots}


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as endpoint:
        for env in ("dev", "int", "prod"):
            workspace.make_bucket(endpoint, STATE_BUCKET.format(env=env))
        yield endpoint


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy of infrastructure/ and setup/, under an example's names, which tests may write into."""
    return workspace.prepare(tmp_path_factory.mktemp("domain"), workspace.EXAMPLE)


@pytest.fixture(scope="session")
def example_project(infrastructure: Path) -> Path:
    """A project of the template, as `make new-project NAME=example` makes its root module."""
    root = infrastructure / "projects" / EXAMPLE_PROJECT
    shutil.copytree(infrastructure / "projects" / "_template", root)
    tables, project = root / "tables.json", root / "project.json"
    tables.write_text(projects.renamed(tables.read_text(), EXAMPLE_PROJECT))
    project.write_text(json.dumps(json.loads(project.read_text()) | {"name": EXAMPLE_PROJECT}))
    return root


@pytest.fixture(scope="session")
def terraform(endpoint: Endpoint, infrastructure: Path) -> Callable[[Path], tftest.TerraformTest]:
    """A root module, initialised: a module's folder, or a stack's with its state in the emulator."""
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
    return Plans(terraform)


@pytest.fixture(scope="session")
def foundation(endpoint: Endpoint, infrastructure: Path, plan: Plans) -> dict[str, Any]:
    """The outputs of dev's foundation, put where the projects look for them."""
    planned = plan(infrastructure / "environments" / "dev").outputs
    return foundation_state.publish(endpoint, STATE_BUCKET.format(env="dev"), planned)


def settings(root: Path) -> str:
    return "".join(file.read_text() for file in root.glob("versions.tf"))


def backend(root: Path, endpoint: Endpoint) -> dict[str, str]:
    # Not the keys of a deployed domain: a plan here always starts from nothing.
    env = root.name if root.parent.name == "environments" else "dev"
    return {
        "bucket": STATE_BUCKET.format(env=env),
        "key": f"planned/{root.name}.tfstate",
        "region": endpoint.region,
        "use_path_style": "true",
    }


def as_arguments(variables: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
