"""What a variable allows no control refuses: at each end of what it takes, the controls hold as before."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from inputs import INPUTS
from test_module_controls import OPTIONS

from meshtest.check import controls
from meshtest.check.plan import Plan
from meshtest.domain.inputs import rules, schemas
from meshtest.testing.plans import refusal
from meshtest.tools import toolchain

DOMAIN = json.loads((toolchain.ROOT / "setup" / "domain.json").read_text())
FOUNDATION = {"env": "dev", **{name: value for name, value in DOMAIN.items() if name != "$schema"}}
MANY = 36500  # for what has no upper limit

# The least and the most that a variable takes, and what lies beyond.
LIMITS: dict[tuple[str, str], tuple[list[Any], list[Any]]] = {
    ("foundation", "access_log_retention_days"): ([90, MANY], [89]),
    ("foundation", "availability_zone_count"): ([2, 3], [1, 5]),  # four zones have few Regions
    ("foundation", "flow_log_retention_days"): ([90, 3653], [60, 3654]),
    ("foundation", "noncurrent_version_days"): ([{"raw": 1}, {"raw": MANY}], [{"raw": 0}]),
    ("glue_iceberg_table", "orphan_file_retention_days"): ([3, MANY], [2]),
    ("glue_iceberg_table", "snapshot_retention_days"): ([1, MANY], [0]),
    ("glue_iceberg_table", "snapshots_to_retain"): ([1, MANY], [0]),
    ("glue_job", "glue_version"): (["5.1", "9.9"], ["5.0", "10.0"]),
    ("glue_job", "max_concurrent_runs"): ([1, 1000], [0, 1001]),
    ("glue_job", "max_retries"): ([0, 10], [-1, 11]),
    ("glue_job", "number_of_workers"): ([2, 299], [1, 300]),
    ("glue_job", "timeout_minutes"): ([1, 480], [0, 481]),
    ("s3_bucket", "abort_incomplete_upload_days"): ([1, MANY], [0]),
    ("s3_bucket", "expiration_days"): ([{"a/": 1}, {"a/": MANY}], [{"a/": 0}]),
    ("s3_bucket", "noncurrent_version_expiration_days"): ([1, MANY], [0]),
    ("stepfunction_pipeline", "job_timeout_minutes"): ([{"a": 1}, {"a": 10080}], [{"a": 0}, {"a": 10081}]),
    ("stepfunction_pipeline", "log_retention_days"): ([1, 3653], [0, 3654]),
    ("stepfunction_pipeline", "max_attempts"): ([1, 20], [0, 21]),
    ("stepfunction_pipeline", "settle_seconds"): ([1, 3600], [0, 3601]),
    ("stepfunction_pipeline", "timeout_seconds"): ([1, 31536000], [0, 31536001]),
}
# Options of a module that trade a rule away, and are tested as such.
TRADED = {
    (module, field, json.dumps(value)) for module, changes, _ in OPTIONS for field, value in changes.items()
}


def sources() -> dict[tuple[str, str], str]:
    """The variables of the foundation and of the modules, by folder and name."""
    infrastructure = toolchain.ROOT / "infrastructure"
    folders = [infrastructure / "foundation", *sorted((infrastructure / "modules").iterdir())]
    return {
        (folder.name, name): text
        for folder in folders
        for name, text in re.findall(
            r'^variable "(\w+)" \{\n(.*?)^\}', (folder / "variables.tf").read_text(), re.M | re.S
        )
    }


def choices() -> dict[tuple[str, str], list[Any]]:
    """What the variables take that take some values only: both of a switch, the members of a list."""
    found: dict[tuple[str, str], list[Any]] = {}
    for (folder, name), text in sources().items():
        members = re.search(rf'contains\((\["[^\]]+\]), var\.{name}\)', text)
        if "= bool" in text:
            found[folder, name] = [True, False]
        elif members:
            found[folder, name] = json.loads(members[1])
    return found


ALLOWED = [
    (*variable, value)
    for variable, values in {**{each: taken for each, (taken, _) in LIMITS.items()}, **choices()}.items()
    for value in values
    if (*variable, json.dumps(value)) not in TRADED
]


@pytest.fixture(scope="module")
def root(infrastructure):
    """root(folder) → the folder of the foundation or of a module, and inputs that it takes."""

    def root(folder: str):
        if folder == "foundation":
            return infrastructure / folder, FOUNDATION
        return infrastructure / "modules" / folder, INPUTS[folder]

    return root


@pytest.fixture(scope="module")
def failing(plan, root):
    """failing(folder, **changes) → the controls that do not hold on the plan with these inputs."""

    def failing(folder: str, **changes: Any) -> set[str]:
        place, given = root(folder)
        results = controls.evaluate(Plan(plan(place, {**given, **changes})))
        return {each.control.id for each in results if each.status in ("failed", "error")}

    return failing


def test_every_number_has_its_limits_here():
    numbers = {
        each for each, text in sources().items() if re.search(r"^  type += (map\()?number", text, re.M)
    }
    assert numbers == {each for each in LIMITS if each != ("glue_job", "glue_version")}


@pytest.mark.parametrize(("folder", "name", "value"), ALLOWED, ids=str)
def test_what_a_variable_allows_no_control_refuses(folder, name, value, failing):
    assert failing(folder, **{name: value}) <= failing(folder)


@pytest.mark.parametrize(
    ("folder", "name", "value"),
    [(*variable, value) for variable, (_, refused) in LIMITS.items() for value in refused],
    ids=str,
)
def test_what_lies_beyond_is_refused(folder, name, value, terraform, root):
    place, given = root(folder)
    inputs = {**given, name: value}
    tf_vars = {field: each if isinstance(each, str) else json.dumps(each) for field, each in inputs.items()}
    assert name in refusal(terraform(place), tf_vars=tf_vars)


# ─── What check-inputs says before ───


UPKEEP = schemas.schema("contract")["$defs"]["object_custom"]["properties"]
JOB = schemas.schema("jobs")["additionalProperties"]["properties"]
NUMBERS = [name for name, rule in JOB.items() if "minimum" in rule]


def test_a_jobs_numbers_are_those_of_its_module():
    limits = {name: [JOB[name]["minimum"], JOB[name]["maximum"]] for name in NUMBERS}
    assert limits == {name: LIMITS["glue_job", name][0] for name in NUMBERS}


@pytest.mark.parametrize(
    ("part", "field", "name"),
    [
        ("optimizers", "orphanDays", "orphan_file_retention_days"),
        ("snapshotRetention", "days", "snapshot_retention_days"),
        ("snapshotRetention", "snapshots", "snapshots_to_retain"),
    ],
)
def test_a_tables_numbers_are_those_of_its_module(part, field, name):
    assert UPKEEP[part]["properties"][field]["minimum"] == LIMITS["glue_iceberg_table", name][0][0]


@pytest.mark.parametrize("name", [name for folder, name in LIMITS if folder == "foundation"])
def test_an_environments_numbers_are_the_foundations(name):
    is_good, _ = rules._FOUNDATION[name]
    allowed, refused = LIMITS["foundation", name]
    assert [*map(is_good, allowed), *map(is_good, refused)] == [True] * len(allowed) + [False] * len(refused)
