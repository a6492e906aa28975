"""The whole domain, deployed and run once for the session, as `make demo` does it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rich.console import Console

from meshtest import demo, emulator
from meshtest.demo import Report
from meshtest.domain import Domain
from meshtest.progress import Stages


@pytest.fixture(scope="session")
def stages() -> Iterator[Stages]:
    with Stages(Console()) as running:
        yield running


@pytest.fixture(scope="session")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    """A domain on an embedded AWS of its own; empty until `report` is asked for."""
    directory = tmp_path_factory.mktemp("domain")
    with emulator.running(directory / "emulator") as endpoint:
        yield Domain(endpoint, directory / "domain")


@pytest.fixture(scope="session")
def report(domain: Domain, stages: Stages) -> Report:
    """The report of the first deployment and run."""
    report = Report(seconds=stages.seconds)
    demo.exercise(domain, stages, report)
    return report
