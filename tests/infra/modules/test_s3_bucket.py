"""s3_bucket: private, encrypted, reached over TLS only, logged; one policy a bucket."""

from __future__ import annotations

import uuid

import pytest

from meshtest.testing.plans import resources, statements, the

NAME = "exa-raw-123456789012-dev"
ARN = f"arn:aws:s3:::{NAME}"
DELIVERY = {
    "AccessLogDelivery": {
        "actions": ["s3:PutObject"],
        "paths": ["raw/*"],
        "principals": ["logging.s3.amazonaws.com"],
        "conditions": [{"test": "ArnLike", "variable": "aws:SourceArn", "values": ["arn:aws:s3:::source"]}],
    }
}
LOG_BUCKET = {
    "enable_versioning": False,
    "expiration_days": {"raw/": 365},
    "kms_key_arn": "",
    "logging_bucket_id": "",
    "policy_statements": DELIVERY,
    "prevent_destroy": True,
    "sse_algorithm": "AES256",
}


@pytest.fixture(scope="module")
def data_bucket(planned):
    return planned()


@pytest.fixture(scope="module")
def log_bucket(planned):
    return planned(**LOG_BUCKET)


# ─── P0-01: HTTPS only ───


@pytest.mark.proves("s3-https-only", "s3-one-policy")
@pytest.mark.parametrize("bucket", ["data_bucket", "log_bucket"])
def test_a_bucket_has_one_policy_which_denies_plain_http_to_everyone(bucket, request):
    policy = statements(the(request.getfixturevalue(bucket), "aws_s3_bucket_policy")["policy"])
    assert policy["DenyInsecureTransport"] == {
        "Sid": "DenyInsecureTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*"],
        "Resource": [f"{ARN}/*", ARN],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_a_perimeter_denies_who_is_of_another_organization(data_bucket, planned):
    """AWS's own services aside, which deliver logs as none; without an organization there is no statement."""
    policy = statements(the(planned(perimeter_org_id="o-a1b2c3d4e5"), "aws_s3_bucket_policy")["policy"])
    assert policy["DataPerimeter"] == {
        "Sid": "DataPerimeter",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*"],
        "Resource": [f"{ARN}/*", ARN],
        "Condition": {
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
        },
    }
    assert "DataPerimeter" not in statements(the(data_bucket, "aws_s3_bucket_policy")["policy"])


@pytest.mark.proves("s3-tls-1-2")
def test_tls_before_1_2_is_denied(data_bucket):
    denial = statements(the(data_bucket, "aws_s3_bucket_policy")["policy"])["DenyOutdatedTLS"]
    assert (denial["Effect"], denial["Principal"], denial["Resource"]) == ("Deny", "*", [f"{ARN}/*", ARN])
    assert denial["Condition"] == {"NumericLessThan": {"s3:TlsVersion": "1.2"}}


def test_further_statements_join_the_same_document(log_bucket):
    policy = statements(the(log_bucket, "aws_s3_bucket_policy")["policy"])
    assert set(policy) == {"AccessLogDelivery", "DenyInsecureTransport", "DenyOutdatedTLS"}
    assert policy["AccessLogDelivery"]["Resource"] == [f"{ARN}/raw/*"]
    assert policy["AccessLogDelivery"]["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert policy["AccessLogDelivery"]["Condition"] == {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::source"}}


# ─── Access ───


@pytest.mark.proves("s3-public-access-block")
def test_nothing_is_public(data_bucket):
    block = the(data_bucket, "aws_s3_bucket_public_access_block")
    flags = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    assert [block[flag] for flag in flags] == [True] * 4


@pytest.mark.proves("s3-owner-enforced", "s3-no-acl")
def test_access_lists_are_off(data_bucket):
    (rule,) = the(data_bucket, "aws_s3_bucket_ownership_controls")["rule"]
    assert rule["object_ownership"] == "BucketOwnerEnforced"
    assert not resources(data_bucket, "aws_s3_bucket_acl")


# ─── P1-03: encryption ───


def encryption(plan) -> dict:
    (rule,) = the(plan, "aws_s3_bucket_server_side_encryption_configuration")["rule"]
    (default,) = rule["apply_server_side_encryption_by_default"]
    return {"bucket_key": rule["bucket_key_enabled"], **default}


@pytest.mark.proves("s3-customer-key")
def test_the_given_key_encrypts_with_a_bucket_key(data_bucket, inputs):
    assert encryption(data_bucket) == {
        "bucket_key": True,
        "kms_master_key_id": inputs["s3_bucket"]["kms_key_arn"],
        "sse_algorithm": "aws:kms",
    }


@pytest.mark.proves("s3-log-target-aes256")
def test_a_log_target_is_on_aes256_because_kms_stops_the_delivery(log_bucket):
    assert encryption(log_bucket)["sse_algorithm"] == "AES256"
    assert not encryption(log_bucket)["kms_master_key_id"]


# ─── Versions and lifecycle ───


def rules(plan) -> dict[str, dict]:
    return {rule["id"]: rule for rule in the(plan, "aws_s3_bucket_lifecycle_configuration")["rule"]}


@pytest.mark.proves("s3-versioning", "s3-lifecycle")
def test_versions_are_kept_and_expire(data_bucket):
    (versioning,) = the(data_bucket, "aws_s3_bucket_versioning")["versioning_configuration"]
    assert versioning["status"] == "Enabled"
    expiry = rules(data_bucket)["expire-noncurrent-versions"]
    assert expiry["status"] == "Enabled"
    assert expiry["noncurrent_version_expiration"][0]["noncurrent_days"] == 90
    assert expiry["expiration"][0]["expired_object_delete_marker"] is True


def test_every_rule_says_which_objects_it_is_for(data_bucket):
    """S3 takes a rule without a filter only in its older form, which does not mix with this one."""
    assert {name: len(rule["filter"]) for name, rule in rules(data_bucket).items()} == {
        "abort-incomplete-uploads": 1,
        "expire-noncurrent-versions": 1,
    }


def test_a_log_bucket_keeps_no_versions_but_its_objects_expire(log_bucket):
    (versioning,) = the(log_bucket, "aws_s3_bucket_versioning")["versioning_configuration"]
    assert versioning["status"] == "Suspended"
    assert set(rules(log_bucket)) == {"abort-incomplete-uploads", "expire-raw"}
    assert rules(log_bucket)["expire-raw"]["expiration"][0]["days"] == 365
    assert rules(log_bucket)["expire-raw"]["filter"][0]["prefix"] == "raw/"


@pytest.mark.proves("s3-lifecycle")
@pytest.mark.parametrize("bucket", ["data_bucket", "log_bucket"])
def test_unfinished_uploads_are_removed(bucket, request):
    rule = rules(request.getfixturevalue(bucket))["abort-incomplete-uploads"]
    assert rule["status"] == "Enabled"
    assert rule["abort_incomplete_multipart_upload"] == [{"days_after_initiation": 7}]


# ─── P1-02: access logs ───


@pytest.mark.proves("s3-access-logging")
def test_access_is_logged_under_the_given_prefix(data_bucket):
    logging = the(data_bucket, "aws_s3_bucket_logging")
    assert (logging["bucket"], logging["target_bucket"], logging["target_prefix"]) == (
        NAME,
        "exa-logs-123456789012-dev",
        "raw/",
    )


def test_without_a_log_bucket_there_is_no_logging(log_bucket):
    assert not resources(log_bucket, "aws_s3_bucket_logging")


# ─── Destruction ───


@pytest.mark.proves("s3-no-force-destroy")
def test_objects_are_never_deleted_with_their_bucket(data_bucket):
    assert the(data_bucket, "aws_s3_bucket")["force_destroy"] is False


def test_only_a_protected_bucket_has_a_guard(data_bucket, log_bucket):
    assert not resources(data_bucket, "terraform_data")
    assert list(resources(log_bucket, "terraform_data")) == ["terraform_data.destroy_guard[0]"]


@pytest.fixture(scope="module")
def existing(terraform, infrastructure, tmp_path_factory):
    """A protected bucket that exists, with its guard; the rest of the module would take a minute.

    Its name is new each time: the endpoint may outlive the test (mutation, the warm server).
    """
    runner = terraform(infrastructure / "modules" / "s3_bucket")
    state = tmp_path_factory.mktemp("state") / "terraform.tfstate"
    inputs = {"bucket_name": f"exa-kept-{uuid.uuid4().hex[:8]}-dev", "prevent_destroy": "true"}
    runner.apply(targets=["terraform_data.destroy_guard"], tf_vars=inputs, state=str(state))
    return runner, {"tf_vars": inputs, "state": str(state)}


@pytest.mark.parametrize(
    "way",
    [
        ["-destroy"],
        ["-destroy", "-target=aws_s3_bucket.this"],
        ["-replace=aws_s3_bucket.this"],
    ],
    ids=" ".join,
)
def test_no_plan_takes_a_protected_bucket_away(existing, way):
    runner, options = existing
    arguments = [
        f"-state={options['state']}",
        *(f"-var={k}={v}" for k, v in options["tf_vars"].items()),
        *way,
    ]
    with pytest.raises(Exception, match="prevent_destroy") as caught:
        runner.execute_command("plan", "-no-color", "-lock=false", "-refresh=false", *arguments)
    assert "destroy_guard" in str(caught.value)


# ─── Events ───


def test_a_bucket_sends_events_if_it_is_told_to(planned, data_bucket):
    assert resources(data_bucket, "aws_s3_bucket_notification") == {}
    sent = the(planned(events_enabled=True), "aws_s3_bucket_notification")
    assert (sent["bucket"], sent["eventbridge"]) == (NAME, True)
