"""Where the live probes run: the embedded AWS, LocalStack, or an AWS account.

A backend opens a `Domain` to work in, and says what it can do. A probe names the abilities that it needs; on
a backend without one it is skipped with that reason, never passed.

``BACKEND`` names it (`selected`): ``embedded`` by default. ``localstack`` wants a running LocalStack (``make
localstack-up``). ``aws`` wants the account's number in ``AWS_ACCOUNT`` and credentials of it where the AWS
SDKs look for them; what it makes has a name of its own and is removed at the end.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from meshtest import emulator
from meshtest.domain.domain import FOUNDATION, Domain
from meshtest.terraform.stack import Stack, TerraformError

LOCALSTACK_HOST = "localhost:4566"
LOCALSTACK_ACCOUNT = "000000000000"
LOCALSTACK_VERSION = "4.14.0"
LOCALSTACK_TIMEOUT_S = 5


class BackendError(Exception):
    """A backend cannot be had, or may not be used; the message is one line with the remedy."""


class Ability(enum.Enum):
    """What not every backend can do; the value completes "it cannot …"."""

    WHOLE_DOMAIN = "apply every stack: Glue is missing there"
    BUCKET_POLICIES = "decide by a bucket policy"
    ACCESS_LOGS = "deliver access logs within seconds"
    TRUST_POLICIES = "decide by a role's trust policy"
    FLOW_RECORDS = "record the flows of a VPC: there is no network behind it"
    GLUE_RUNS = "run Glue jobs"
    LOCAL_SPARK = "be read by the Spark of this machine"
    SEVERAL_DOMAINS = "hold a domain for each worker of the suite"


@dataclass(frozen=True)
class Backend:
    """A place to run in.

    `targets` are the addresses of the foundation's resources that can be applied there; empty: all of them.
    """

    name: str
    abilities: frozenset[Ability]
    open: Callable[[Path], contextlib.AbstractContextManager[Domain]]
    targets: tuple[str, ...] = ()

    def lacks(self, needed: set[Ability]) -> str | None:
        """Why something that needs these abilities cannot be done here; None if it can."""
        missing = [ability.value for ability in Ability if ability in needed - self.abilities]
        return f"backend {self.name} cannot {' nor '.join(missing)}" if missing else None


def selected(environment: Mapping[str, str] = os.environ) -> Backend:
    """The backend that BACKEND names.

    Raises:
        BackendError: there is none of this name.
    """
    name = environment.get("BACKEND") or "embedded"
    if name not in BACKENDS:
        raise BackendError(f"BACKEND={name}: expected one of {', '.join(BACKENDS)}")
    return BACKENDS[name]


# ─── Embedded ───


@contextlib.contextmanager
def _embedded(directory: Path) -> Iterator[Domain]:
    with emulator.running(directory / "emulator") as endpoint:
        yield Domain(endpoint, directory / "domain")


# ─── LocalStack ───


@dataclass(frozen=True)
class LocalStack:
    """A running LocalStack: one port that speaks both HTTP and HTTPS."""

    host: str
    region: str
    account_id: str = LOCALSTACK_ACCOUNT
    ca_bundle: Path | None = None

    @property
    def http(self) -> str:  # noqa: D102
        return f"http://{self.host}"

    @property
    def https(self) -> str:  # noqa: D102
        return f"https://{self.host}"

    def client(self, service: str, **options: Any) -> Any:
        """A client of localstack-client's session.

        Its certificate is for a public name, and is not checked: it is on this machine's loopback.
        """
        import localstack_client.session

        with _clients:
            session = localstack_client.session.Session(
                emulator.ACCESS_KEY_ID,
                emulator.SECRET_ACCESS_KEY,
                region_name=self.region,
                localstack_host=self.host,
            )
            # Its clients take their address from here, and no other one.
            session._service_endpoint_mapping[service] = options.pop("endpoint_url", self.https)
            return session.client(service, **options)

    def environment(self) -> dict[str, str]:
        """The variables for plain HTTP: its certificate is one that Terraform would not trust."""
        return {
            "AWS_ENDPOINT_URL": self.http,
            "AWS_ACCESS_KEY_ID": emulator.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": emulator.SECRET_ACCESS_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


_clients = threading.Lock()


@contextlib.contextmanager
def _localstack(directory: Path) -> Iterator[Domain]:
    host = os.environ.get("LOCALSTACK_HOST", LOCALSTACK_HOST)
    health = f"http://{host}/_localstack/health"
    try:
        with urllib.request.urlopen(health, timeout=LOCALSTACK_TIMEOUT_S) as answer:
            version = json.load(answer)["version"]
    except (OSError, ValueError, KeyError) as error:
        raise BackendError(f"no LocalStack answers at {health} ({error}): `make localstack-up`") from error
    print(f"LocalStack {version} at {host} (tried with {LOCALSTACK_VERSION})")
    # It keeps its state when the session ends: this session's names are its own.
    domain = Domain(LocalStack(host, emulator.domain_region()), directory, unique=_unique_abbreviation())
    try:
        yield domain
    finally:
        remove(domain)


# ─── AWS ───

# Per hour and month, in USD, at the list prices of Europe (Ireland); what a session uses up of each.
_AWS_COST = (
    "6 interface endpoints in 2 zones at 0.011 an hour each, 1 KMS key at 1 a month, "
    "some Glue runs of 2 DPU at 0.44 an hour: about 1 USD for a session, more if it is left behind"
)


@dataclass(frozen=True)
class AwsAccount:
    """A real account, with the credentials that the AWS SDKs find."""

    account_id: str
    region: str
    ca_bundle: Path | None = None

    @property
    def http(self) -> str:  # noqa: D102
        return f"http://s3.{self.region}.amazonaws.com"

    @property
    def https(self) -> str:  # noqa: D102
        return f"https://s3.{self.region}.amazonaws.com"

    @cached_property
    def _session(self) -> Any:
        import boto3.session

        return boto3.session.Session(region_name=self.region)

    def client(self, service: str, **options: Any) -> Any:
        """A client of the credentials that were found."""
        with _clients:
            return self._session.client(service, **options)

    def environment(self) -> dict[str, str]:
        """The variables that this process was given, in the domain's Region."""
        own = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return own | {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}


@contextlib.contextmanager
def _aws(directory: Path) -> Iterator[Domain]:
    named, env = os.environ.get("AWS_ACCOUNT", ""), os.environ.get("ENV") or "dev"
    if not named:
        raise BackendError("BACKEND=aws costs money: name the account in AWS_ACCOUNT=<12 digits> to agree")
    if env not in ("dev", "int"):
        raise BackendError(f"ENV={env}: expected dev or int; probes never run in production")
    account = AwsAccount(named, emulator.domain_region())
    _refuse_wrong_or_productive(account)
    domain = Domain(account, directory, env, unique=_unique_abbreviation())
    print(f"AWS account {named}, names start with {domain.abbreviation}-: {_AWS_COST}", flush=True)
    try:
        yield domain
    finally:
        remove(domain)


def _refuse_wrong_or_productive(account: AwsAccount) -> None:
    try:
        actual = account.client("sts").get_caller_identity()["Account"]
        names = [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]]
    except (BotoCoreError, ClientError) as error:
        raise BackendError(f"AWS_ACCOUNT={account.account_id} cannot be reached: {error}") from error
    if actual != account.account_id:
        raise BackendError(f"AWS_ACCOUNT={account.account_id}: the credentials are those of {actual}")
    if productive := [name for name in names if name.endswith(f"-tfstate-{actual}-prod")]:
        raise BackendError(f"account {actual} holds a production environment ({productive[0]}): refused")


# ─── Clean-Up ───


def remove(domain: Domain) -> None:
    """Remove everything that a domain of this session has, its log bucket and its states included.

    Raises:
        BackendError: something is left; the message names it.
    """
    left: list[str] = []
    for stack in (*reversed(domain.stacks), domain.boundary):
        # Of a remote state, or a local one.
        remembered = (".terraform/terraform.tfstate", "terraform.tfstate")
        if not any((stack.root / name).exists() for name in remembered):  # never initialised
            continue
        try:
            unguard(domain, stack)
            stack.destroy()
        except TerraformError as error:
            left.append(str(error))
    if left:
        raise BackendError(f"not everything was removed ({domain.abbreviation}-*): {' · '.join(left)}")
    for purpose in ("logs", "tfstate"):  # the log bucket too, where its stack has let go of it
        domain.delete_bucket(purpose)


def unguard(domain: Domain, stack: Stack) -> None:
    """Make the foundation's stack ready to go: its buckets emptied for good, the log bucket's guard lifted.

    Logging ends first, or the log bucket would fill again. AWS goes on to deliver for up to an hour
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html): it may refuse that bucket once.
    """
    if stack.name != FOUNDATION:
        return
    for address in stack.resources():
        if address.endswith("terraform_data.destroy_guard[0]"):
            stack.forget(address)
    s3 = domain.endpoint.client("s3")
    for purpose in ("raw", "refined", "curated", "artifacts"):
        domain.empty_bucket(purpose)
        with contextlib.suppress(s3.exceptions.NoSuchBucket):
            s3.put_bucket_logging(Bucket=domain.bucket(purpose), BucketLoggingStatus={})
    if isinstance(domain.endpoint, emulator.Endpoint):
        domain.endpoint.flush_access_logs()
    domain.empty_bucket("logs")


def _unique_abbreviation() -> str:
    """A domain_abbr that no other session has: a letter and seven more characters, as the foundation asks."""
    return f"t{secrets.token_hex(4)[:7]}"


_EVERYTHING = frozenset(Ability)
_BUCKETS = ("raw", "refined", "curated", "artifacts", "logs")
BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("embedded", _EVERYTHING - {Ability.FLOW_RECORDS}, _embedded),
        Backend(
            "localstack",
            frozenset(),
            _localstack,
            targets=(
                "module.foundation.aws_flow_log.main",
                "module.foundation.aws_kms_alias.data_lake",
                *(f"module.foundation.module.s3_{purpose}" for purpose in _BUCKETS),
            ),
        ),
        Backend(
            "aws", _EVERYTHING - {Ability.ACCESS_LOGS, Ability.LOCAL_SPARK, Ability.SEVERAL_DOMAINS}, _aws
        ),
    )
}
