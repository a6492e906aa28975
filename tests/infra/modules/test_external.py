"""external: buckets and databases of others as they are in one environment, or what is wrong with them."""

from __future__ import annotations

import json

import pytest

from meshtest.testing.plans import refusal

ERP = {"cidr": "10.0.0.128/28", "secret": "erp", "url": "jdbc:postgresql://erp.example.com:5432/erp"}


@pytest.fixture
def read(planned, tmp_path):
    """read(content, env) → the outputs of the module."""

    def read(content: dict, env: str = "dev") -> dict:
        file = tmp_path / "external.json"
        file.write_text(json.dumps(content))
        return dict(planned(file=str(file), env=env).outputs)

    return read


@pytest.mark.parametrize(("env", "bucket"), [("dev", "trial"), ("prod", "real")])
def test_an_environment_may_have_another_bucket(read, env, bucket):
    partner = {"bucket": "real", "environments": {"dev": {"bucket": "trial"}}, "prefix": "a/b"}
    found = read({"buckets": {"partner": partner}}, env)
    assert found["buckets"] == {"partner": {"bucket": bucket, "kms_key_arn": "", "prefix": "a/b"}}


@pytest.mark.parametrize(
    ("url", "port"),
    [
        (ERP["url"], 5432),
        ("jdbc:mysql://a-1.example.com:3306/shop", 3306),
        ("jdbc:sqlserver://10.1.2.3:1433;databaseName=shop", 1433),
        ("jdbc:oracle:thin://@db.example.com:1521/ORCL", 1521),
    ],
)
def test_a_databases_port_is_its_urls(read, url, port):
    assert read({"databases": {"erp": {**ERP, "url": url}}})["databases"]["erp"]["port"] == port


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:postgresql://me:secret@erp.example.com:5432/erp",
        "jdbc:postgresql://erp.example.com:5432/erp?user=me",
        "jdbc:postgresql://erp.example.com/erp",
        "postgresql://erp.example.com:5432/erp",
    ],
)
def test_a_url_with_credentials_or_without_a_port_is_refused(url, terraform, infrastructure, tmp_path):
    file = tmp_path / "external.json"
    file.write_text(json.dumps({"databases": {"erp": {**ERP, "url": url}}}))
    inputs = {"env": "dev", "file": str(file)}
    refused = refusal(terraform(infrastructure / "modules" / "external"), tf_vars=inputs)
    assert f'databases.erp.url is "{url}"; expected a JDBC URL with host, port' in refused


@pytest.mark.parametrize("text", ["[]", "{"])
def test_what_is_no_object_is_named(text, terraform, infrastructure, tmp_path):
    file = tmp_path / "external.json"
    file.write_text(text)
    inputs = {"env": "dev", "file": str(file)}
    refused = refusal(terraform(infrastructure / "modules" / "external"), tf_vars=inputs)
    assert 'setup/external.json: content is "no JSON object"; expected a JSON object with' in refused
