"""Buckets: reached over TLS, private, encrypted, logged, kept."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.controls import Seen, control
from meshtest.plan import Plan, Resource, Statement, statements

_EVERYONE = (("AWS", "*"),)
_LOGGING_SERVICE = (("Service", "logging.s3.amazonaws.com"),)
_KEYS_OF_ACCOUNT = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d{12}:key/[\w*-]+")
_KEY = "rule.0.apply_server_side_encryption_by_default.0"


# ─── Buckets and what belongs to them ───


def companions(plan: Plan, bucket: Resource, kind: str) -> list[Resource]:
    """The resources of a type that configure a bucket, by its name or by reference."""
    return [each for each in plan.resources(kind) if _is_of(each, "bucket", bucket)]


def _is_of(resource: Resource, argument: str, bucket: Resource) -> bool:
    if resource.is_known(argument):
        return bool(resource.get(argument) == bucket.get("bucket"))
    return bucket.declared in resource.refers(argument)


def _targets(plan: Plan) -> list[Resource]:
    """The buckets that others deliver their access logs to."""
    settings = plan.resources("aws_s3_bucket_logging")
    buckets = plan.resources("aws_s3_bucket")
    return [each for each in buckets if any(_is_of(setting, "target_bucket", each) for setting in settings)]


def _sources(plan: Plan) -> list[Resource]:
    targets = _targets(plan)
    return [bucket for bucket in plan.resources("aws_s3_bucket") if bucket not in targets]


def _policy(plan: Plan, bucket: Resource) -> list[Statement]:
    policies = companions(plan, bucket, "aws_s3_bucket_policy")
    return [statement for policy in policies for statement in statements(policy.get("policy"))]


def _single(plan: Plan, kind: str, *arguments: str) -> Iterator[tuple[Resource, list[object]]]:
    """Each bucket with the values of its one companion's arguments, none if it has not exactly one."""
    for bucket in plan.resources("aws_s3_bucket"):
        found = companions(plan, bucket, kind)
        yield bucket, [found[0].get(argument) for argument in arguments] if len(found) == 1 else []


# ─── Transport ───


def _denies(statement: Statement, bucket: Resource, condition: tuple[str, str], value: str) -> bool:
    # The name as a suffix: the partition before it is none of this control's business.
    name = bucket.get("bucket")
    whole = {resource.rpartition(":::")[2] for resource in statement.resources}
    return (
        statement.effect == "Deny"
        and not statement.negated
        and statement.principals == _EVERYONE
        and statement.actions in (("s3:*",), ("*",))
        and whole in ({name, f"{name}/*"}, {name, f"{name}/*", "*"})
        and statement.conditions == {condition: (value,)}
    )


@control(
    "s3-https-only",
    "Every bucket denies every request that comes over plain HTTP, to the bucket and to its objects",
    "critical",
    improvement="P0-01",
    security_hub="S3.5",
    cis="2.1.1",
)
def https_only(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html."""
    for bucket in plan.resources("aws_s3_bucket"):
        wanted = ("Bool", "aws:securetransport")
        denials = [each for each in _policy(plan, bucket) if _denies(each, bucket, wanted, "false")]
        yield Seen(bucket, f"{len(denials)} statements that deny HTTP", "1 statements that deny HTTP")


@control("s3-tls-1-2", "Every bucket denies TLS before 1.2", "medium", improvement="P0-01")
def tls_version(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html."""
    for bucket in plan.resources("aws_s3_bucket"):
        wanted = ("NumericLessThan", "s3:tlsversion")
        denials = [each for each in _policy(plan, bucket) if _denies(each, bucket, wanted, "1.2")]
        yield Seen(bucket, len(denials), 1)


@control(
    "s3-one-policy", "A bucket has one policy: a second one would replace it", "high", improvement="P0-01"
)
def one_policy(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html."""
    for bucket in plan.resources("aws_s3_bucket"):
        yield Seen(bucket, len(companions(plan, bucket, "aws_s3_bucket_policy")), 1)


@control(
    "s3-own-key",
    "A bucket under the domain's key refuses other accounts' keys, other encryption, and keys in requests",
    "high",
)
def own_key(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html."""
    for bucket in _sources(plan):
        found = [each for each in _policy(plan, bucket) if _refuses_objects(each, bucket)]
        yield Seen(
            bucket, sorted({key for each in found for key in _refused_keys(each)}), sorted(_KEY_HEADERS)
        )


_KEY_HEADERS = {
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
}


def _refuses_objects(statement: Statement, bucket: Resource) -> bool:
    return (
        statement.effect == "Deny"
        and not statement.negated
        and statement.principals == _EVERYONE
        and "s3:PutObject" in statement.actions
        and any(each.endswith(f":::{bucket.get('bucket')}/*") for each in statement.resources)
    )


def _refused_keys(statement: Statement) -> Iterator[str]:
    """Yield the header that a statement refuses: with another value than the domain's, or at all."""
    named = {key for _, key in statement.conditions}
    if len(named) != 1 or not named <= _KEY_HEADERS:
        return
    (key,) = named
    rest = {operator: value for (operator, _), value in statement.conditions.items() if operator != "Null"}
    wanted: dict[str, object] = {
        "s3:x-amz-server-side-encryption": {"StringNotEquals": ("aws:kms",)},
        "s3:x-amz-server-side-encryption-customer-algorithm": {},
    }
    is_present = statement.conditions.get(("Null", key)) == ("false",)
    ours = rest.get("ArnNotLike", ())
    is_of_account = len(rest) == 1 and len(ours) == 1 and bool(_KEYS_OF_ACCOUNT.fullmatch(ours[0]))
    if is_present and (rest == wanted.get(key) or (key not in wanted and is_of_account)):
        yield key


# ─── Access ───


@control(
    "s3-public-access-block",
    "Every bucket blocks public access, in all four ways",
    "critical",
    security_hub="S3.2, S3.3, S3.8",
    cis="2.1.4",
    checkov="CKV2_AWS_6",
)
def public_access_block(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html."""
    flags = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    for bucket, values in _single(plan, "aws_s3_bucket_public_access_block", *flags):
        yield Seen(bucket, values, [True] * 4)


@control(
    "s3-owner-enforced",
    "Access lists are off: the bucket's owner owns every object",
    "medium",
    security_hub="S3.12",
    checkov="CKV2_AWS_65",
)
def ownership(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html."""
    for bucket, values in _single(plan, "aws_s3_bucket_ownership_controls", "rule.0.object_ownership"):
        yield Seen(bucket, values, ["BucketOwnerEnforced"])


@control("s3-no-acl", "No bucket or object has an access list", "medium", security_hub="S3.12")
def no_acl(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html."""
    for bucket in plan.resources("aws_s3_bucket"):
        yield Seen(bucket, len(companions(plan, bucket, "aws_s3_bucket_acl")), 0)


# ─── Data protection ───


@control(
    "s3-customer-key",
    "Every data bucket encrypts with a customer-managed key and bucket keys",
    "high",
    improvement="P1-03",
    security_hub="S3.17",
    checkov="CKV_AWS_145",
)
def customer_key(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html."""
    for bucket in _sources(plan):
        found = companions(plan, bucket, "aws_s3_bucket_server_side_encryption_configuration")
        seen = [
            (each.get(f"{_KEY}.sse_algorithm"), each.get("rule.0.bucket_key_enabled"), _has_key(each))
            for each in found
        ]
        yield Seen(bucket, seen, [("aws:kms", True, "a customer-managed key")])


def _has_key(encryption: Resource) -> str:
    path = f"{_KEY}.kms_master_key_id"
    if encryption.is_known(path):
        arn = encryption.get(path) or ""
        return "a customer-managed key" if ":kms:" in arn and ":key/" in arn else f"key {arn!r}"
    keys = {each.partition(".aws_kms_key.")[1] or each for each in encryption.refers(path)}
    is_key = len(keys) == 1 and "aws_kms_key." in "".join(keys)
    return "a customer-managed key" if is_key else f"a reference to {sorted(keys)}"


@control(
    "s3-log-target-aes256",
    "A bucket that receives access logs encrypts with SSE-S3: with SSE-KMS nothing is delivered",
    "high",
    improvement="P1-02",
)
def log_target_encryption(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html."""
    for bucket in _targets(plan):
        found = companions(plan, bucket, "aws_s3_bucket_server_side_encryption_configuration")
        yield Seen(bucket, [each.get(f"{_KEY}.sse_algorithm") for each in found], ["AES256"])


@control(
    "s3-versioning",
    "Every data bucket keeps versions",
    "medium",
    security_hub="S3.14",
    checkov="CKV_AWS_21",
)
def versioning(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html."""
    for bucket in _sources(plan):
        found = companions(plan, bucket, "aws_s3_bucket_versioning")
        yield Seen(bucket, [each.get("versioning_configuration.0.status") for each in found], ["Enabled"])


@control(
    "s3-lifecycle",
    "Every bucket removes uploads that were never finished, and a bucket with versions the old ones",
    "low",
    security_hub="S3.13",
    checkov="CKV_AWS_300",
)
def lifecycle(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html."""
    for bucket in plan.resources("aws_s3_bucket"):
        found = companions(plan, bucket, "aws_s3_bucket_lifecycle_configuration")
        rules = [rule for each in found for rule in each.get("rule") if rule["status"] == "Enabled"]
        aborts = [
            rule
            for rule in rules
            if rule.get("abort_incomplete_multipart_upload")
            and not any(each.get("prefix") for each in rule.get("filter") or [])
        ]
        yield Seen(bucket, "aborts" if aborts else "never aborts", "aborts")
        versions = companions(plan, bucket, "aws_s3_bucket_versioning")
        if [each.get("versioning_configuration.0.status") for each in versions] == ["Enabled"]:
            expires = any(rule.get("noncurrent_version_expiration") for rule in rules)
            yield Seen(bucket, "old versions expire" if expires else "versions stay", "old versions expire")


@control("s3-no-force-destroy", "No bucket is deleted with the objects in it", "high")
def no_force_destroy(plan: Plan) -> Iterator[Seen]:
    """https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/s3_bucket."""
    for bucket in plan.resources("aws_s3_bucket"):
        yield Seen(bucket, bool(bucket.get("force_destroy")), False)


# ─── Access logs ───


@control(
    "s3-access-logging",
    "Every data bucket delivers its access logs, each under a prefix of its own",
    "high",
    improvement="P1-02",
    security_hub="S3.9",
    checkov="CKV_AWS_18",
)
def access_logging(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html."""
    places: set[tuple[str, str]] = set()
    for bucket in _sources(plan):
        found = [_place(each) for each in companions(plan, bucket, "aws_s3_bucket_logging")]
        own = [place for place in found if place[1] and place not in places]
        places |= set(found)
        yield Seen(bucket, (len(found), len(own)), (1, 1))


def _place(setting: Resource) -> tuple[str, str]:
    """Where logs go: the bucket, by its name or by reference, and the prefix."""
    known = setting.is_known("target_bucket")
    target = setting.get("target_bucket") if known else str(sorted(setting.refers("target_bucket")))
    return target, setting.get("target_prefix")


@control(
    "s3-log-target-not-logged",
    "A bucket that receives access logs does not log itself: each log would make another",
    "high",
    improvement="P1-02",
)
def no_logging_loop(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html."""
    for bucket in _targets(plan):
        yield Seen(bucket, len(companions(plan, bucket, "aws_s3_bucket_logging")), 0)


@control(
    "s3-log-delivery",
    "A log bucket lets the logging service put logs under each source's prefix, for that source only",
    "high",
    improvement="P1-02",
)
def log_delivery(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html."""
    for target in _targets(plan):
        deliveries = [each for each in _policy(plan, target) if each.principals == _LOGGING_SERVICE]
        for setting in plan.resources("aws_s3_bucket_logging"):
            if _is_of(setting, "target_bucket", target):
                allowed = [each for each in deliveries if _delivers(each, setting, target)]
                yield Seen(target, f"{len(allowed)} for {setting.address}", f"1 for {setting.address}")


def _delivers(statement: Statement, setting: Resource, target: Resource) -> bool:
    path = f"{target.get('bucket')}/{setting.get('target_prefix')}*"
    arns = statement.conditions.get(("ArnLike", "aws:sourcearn"), ())
    accounts = statement.conditions.get(("StringEquals", "aws:sourceaccount"), ())
    return (
        statement.effect == "Allow"
        and statement.actions == ("s3:PutObject",)
        and path in {resource.rpartition(":::")[2] for resource in statement.resources}
        and setting.get("bucket") in {arn.rpartition(":::")[2] for arn in arns}
        and len(accounts) == 1
    )
