"""The whole domain, applied once a folder on the backend that BACKEND names; a report of the probes.

A test names what it needs of a backend with ``@pytest.mark.needs(Ability…)``.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from meshtest.domain import demo
from meshtest.domain.backends import Ability, Backend, BackendError, selected
from meshtest.domain.demo import Report
from meshtest.domain.domain import Domain
from meshtest.tools import toolchain
from meshtest.tools.progress import Stages

HERE = Path(__file__).parent
RESULTS = toolchain.BUILD / "live" / "probes.json"
ALARM_SECONDS = 10
_results: dict[str, str] = {}


# ─── Backend ───


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*abilities): what the backend must be able to do")
    config.addinivalue_line("markers", "last: ends the session's domain, so everything else goes before it")
    # LocalStack's certificate is for a public name (see LocalStack.client).
    config.addinivalue_line("filterwarnings", "ignore::urllib3.exceptions.InsecureRequestWarning")
    try:
        selected()
    except BackendError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    backend = selected()
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    _put_projects_after(items)
    for item in items:
        if HERE not in item.path.parents:
            continue
        needed = {ability for marker in item.iter_markers("needs") for ability in marker.args}
        if reason := backend.lacks(needed):
            item.add_marker(pytest.mark.skip(reason=reason))


def _put_projects_after(items: list[pytest.Item]) -> None:
    """A project's own tests change its tables: what looks at the domain as it was made goes before them."""
    places = [n for n, item in enumerate(items) if HERE / "pipelines" in item.path.parents]
    ordered = sorted((items[n] for n in places), key=lambda item: item.path.parent != HERE / "pipelines")
    for n, item in zip(places, ordered, strict=True):
        items[n] = item


@pytest.fixture(scope="session")
def backend() -> Backend:
    return selected()


# ─── Domain ───


@pytest.fixture(scope="session")
def stages() -> Iterator[Stages]:
    with Stages(Console()) as running:
        yield running


@pytest.fixture(scope="session")
def empty_domain(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    """A domain in which nothing has been applied yet; `domain` is this one, deployed."""
    with backend.open(tmp_path_factory.mktemp("domain")) as domain:
        yield domain


@pytest.fixture(scope="session")
def domain(backend: Backend, empty_domain: Domain, stages: Stages) -> Domain:
    """The domain with every stack applied, or what the backend can have of the foundation."""
    if Ability.WHOLE_DOMAIN in backend.abilities:
        demo.deploy(empty_domain, stages)
        return empty_domain
    foundation = empty_domain.stacks[0]
    with stages.stage(f"apply {len(backend.targets)} parts of the foundation") as show:
        empty_domain.prepare()
        foundation.init()
        foundation.apply(show, backend.targets)
    return empty_domain


@pytest.fixture(scope="session")
def report(domain: Domain, stages: Stages) -> Report:
    """The report of the first run of every pipeline."""
    report = Report(seconds=stages.seconds)
    demo.run_and_inspect(domain, stages, report)
    return report


@pytest.fixture(scope="session")
def emptied(domain: Domain) -> Callable[[str], AbstractContextManager[Callable[[str, bytes], None]]]:
    """emptied(project) → its landing zone without input, into which put(name, content) puts some.

    The sample is back afterwards.
    """
    s3, bucket = domain.endpoint.client("s3"), domain.bucket("raw")

    def empty(prefix: str) -> None:
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=found["Key"])

    @contextmanager
    def emptied(project: str) -> Iterator[Callable[[str, bytes], None]]:
        prefix = f"landing/{project}/"
        empty(prefix)
        yield lambda name, content: s3.put_object(Bucket=bucket, Key=f"{prefix}{name}", Body=content)
        empty(prefix)
        for key, file in domain.samples(project):
            s3.upload_file(str(file), bucket, key)

    return emptied


# ─── Alarms ───


@pytest.fixture(scope="module")
def told(domain: Domain) -> Iterator[Callable[[], dict]]:
    """told() → the next message that a queue gets which subscribes to the topic."""
    sns, sqs = domain.endpoint.client("sns"), domain.endpoint.client("sqs")
    account, region = domain.endpoint.account_id, domain.endpoint.region
    name = f"{domain.abbreviation}-told-{uuid.uuid4().hex[:8]}"
    topic = f"arn:aws:sns:{region}:{account}:{domain.abbreviation}-alarms-{domain.env}"
    queue = f"arn:aws:sqs:{region}:{account}:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]

    def told() -> dict:
        deadline = time.monotonic() + ALARM_SECONDS
        while time.monotonic() < deadline:
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                return json.loads(json.loads(message["Body"])["Message"])
        raise AssertionError(f"nothing was told within {ALARM_SECONDS} seconds")

    yield told
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)


# ─── Report ───


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    name = report.nodeid.partition("infra/live/")[2]
    if not name or (report.when != "call" and report.passed):
        return
    result = report.outcome
    if report.skipped and isinstance(report.longrepr, tuple):
        result = report.longrepr[2].removeprefix("Skipped: ")
    _results[name] = result if _results.get(name, "passed") == "passed" else _results[name]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line a probe: what was asked, of which backend, with which result."""
    if not _results:
        return
    backend = selected().name
    table = Table(title=f"Live probes ({RESULTS.relative_to(toolchain.ROOT)})", title_justify="left")
    for column in ("probe", "backend", "result"):
        table.add_column(column)
    for probe, results in _by_probe().items():
        counts = Counter(results)
        whole = len(results) == 1
        told = [result if whole else f"{number} {result}" for result, number in counts.items()]
        table.add_row(probe, backend, "\n".join(told))
    Console(file=terminalreporter._tw._file, width=160).print(table)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({"backend": backend, "probes": _results}, indent=2) + "\n")


def _by_probe() -> dict[str, list[str]]:
    """The results of each probe in words; a probe with parameters has as many as cases."""
    found: dict[str, list[str]] = {}
    for name, result in _results.items():
        module, _, test = name.partition("[")[0].partition("::")
        topic, question = Path(module).stem, test.removeprefix("test_")
        words = f"{topic.removeprefix('test_')}: {question}".replace("_", " ")
        found.setdefault(words, []).append(result)
    return found
