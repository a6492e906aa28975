"""Backends: which one is chosen, what it refuses, and that a session in an account leaves nothing there.

The account is an embedded AWS that the SDKs' own variables lead to: all but the addresses of S3 is as it
would be in a real one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from meshtest import emulator
from meshtest.domain import backends
from meshtest.domain.backends import BACKENDS, Ability, BackendError, selected
from meshtest.domain.domain import Domain
from meshtest.terraform import workspace
from meshtest.tools import toolchain

ACCOUNT = emulator.ACCOUNT_ID
ABBREVIATION = Domain(None, Path()).abbreviation


# ─── Choice ───


@pytest.mark.parametrize(
    ("named", "expected"), [({}, "embedded"), ({"BACKEND": ""}, "embedded"), ({"BACKEND": "aws"}, "aws")]
)
def test_the_environment_names_the_backend(named, expected):
    assert selected(named).name == expected


def test_an_unknown_backend_is_named_with_those_that_there_are():
    with pytest.raises(BackendError, match=r"BACKEND=azure: expected one of embedded, localstack, aws"):
        selected({"BACKEND": "azure"})


def test_what_a_backend_lacks_is_the_reason_of_a_skip():
    reason = BACKENDS["localstack"].lacks({Ability.GLUE_RUNS, Ability.ACCESS_LOGS})
    assert reason == "backend localstack cannot deliver access logs within seconds nor run Glue jobs"
    assert BACKENDS["embedded"].lacks({Ability.GLUE_RUNS, Ability.ACCESS_LOGS}) is None


def test_no_backend_claims_flows_but_the_one_with_a_network():
    able = [name for name, backend in BACKENDS.items() if Ability.FLOW_RECORDS in backend.abilities]
    assert able == ["aws"]


# ─── LocalStack ───


def test_without_a_localstack_the_command_that_starts_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("LOCALSTACK_HOST", "127.0.0.1:9")
    with pytest.raises(BackendError, match="make localstack-up"), BACKENDS["localstack"].open(tmp_path):
        pass


def test_compose_pins_the_image_and_listens_on_loopback_only():
    content = yaml.safe_load((toolchain.ROOT / "docker-compose.localstack.yml").read_text())
    free, licensed = content["services"].values()
    for service in (free, licensed):
        name, _, digest = service["image"].partition("@sha256:")
        assert (name, len(digest)) == (f"localstack/localstack:{backends.LOCALSTACK_VERSION}", 64)
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["healthcheck"]["test"][-1].endswith("/_localstack/health")
    assert "LOCALSTACK_AUTH_TOKEN" not in free["environment"]
    assert licensed["environment"]["LOCALSTACK_AUTH_TOKEN"] == "${LOCALSTACK_AUTH_TOKEN:-}"
    assert [service["profiles"] for service in (free, licensed)] == [["free"], ["licensed"]]


# ─── AWS ───


@pytest.fixture
def account(monkeypatch, tmp_path):
    """An AWS that the variables of this process lead to."""
    with emulator.running(tmp_path / "account") as endpoint:
        for name, value in endpoint.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SSL_CERT_FILE", str(endpoint.ca_bundle))
        monkeypatch.setenv("AWS_ACCOUNT", ACCOUNT)
        yield endpoint


def open_aws(directory: Path) -> None:
    with BACKENDS["aws"].open(directory):
        raise AssertionError("opened")


def test_an_account_must_be_named(monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCOUNT", raising=False)
    with pytest.raises(BackendError, match="costs money: name the account in AWS_ACCOUNT"):
        open_aws(tmp_path)


def test_production_is_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("ENV", "prod")
    with pytest.raises(BackendError, match="ENV=prod: expected dev or int"):
        open_aws(tmp_path)


def test_another_account_than_the_named_one_is_refused(monkeypatch, account, tmp_path):
    monkeypatch.setenv("AWS_ACCOUNT", "999999999999")
    with pytest.raises(
        BackendError, match=f"AWS_ACCOUNT=999999999999: the credentials are those of {ACCOUNT}"
    ):
        open_aws(tmp_path)


def test_an_account_with_a_production_environment_is_refused(account, tmp_path):
    name = f"{ABBREVIATION}-tfstate-{ACCOUNT}-prod"
    workspace.make_bucket(account, name)
    with pytest.raises(BackendError, match=f"holds a production environment .{name}.: refused"):
        open_aws(tmp_path)


def test_without_credentials_the_account_is_named(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCOUNT", ACCOUNT)
    with pytest.raises(BackendError, match=f"AWS_ACCOUNT={ACCOUNT} cannot be reached: Unable to locate"):
        open_aws(tmp_path)


def test_a_session_has_names_of_its_own_states_its_cost_and_leaves_nothing(account, tmp_path, capsys):
    """Also when it fails half way, with objects in its buckets."""
    s3 = account.client("s3")

    def session() -> None:
        with BACKENDS["aws"].open(tmp_path) as domain:
            told = capsys.readouterr().out
            assert f"names start with {domain.abbreviation}-" in told
            assert "USD" in told
            assert domain.abbreviation != ABBREVIATION
            domain.prepare()
            (foundation, *_) = domain.stacks
            foundation.init()
            foundation.apply(targets=["module.foundation.aws_kms_alias.data_lake"])
            workspace.make_bucket(account, domain.bucket("logs"))
            s3.put_object(Bucket=domain.bucket("logs"), Key="k", Body=b"value")
            assert aliases(account) == [f"alias/{domain.abbreviation}-data-lake-dev"]
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        session()
    assert s3.list_buckets()["Buckets"] == []
    assert aliases(account) == []


def aliases(account) -> list[str]:
    listed = [alias["AliasName"] for alias in account.client("kms").list_aliases()["Aliases"]]
    return [name for name in listed if not name.startswith("alias/aws/")]
