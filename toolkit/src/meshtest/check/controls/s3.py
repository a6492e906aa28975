"""Buckets: reached over TLS, private, encrypted, logged, kept.

A setting of a bucket is a resource of its own or, as the provider still takes it, an argument of the bucket.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product

from meshtest.check.controls import Seen, control
from meshtest.check.plan import Block, Plan, Resource, Unknown, companions, passes_on
from meshtest.check.policies import NAMING, Statement, applies, covers, covers_action, names_account, planned

_BUCKETS = ("aws_s3_bucket",)
_OBJECTS = ("aws_s3_bucket_object", "aws_s3_object", "aws_s3_object_copy")
_NAMES = ("bucket", "id", "arn")
_KEYS = ("aws_kms_alias", "aws_kms_external_key", "aws_kms_key", "aws_kms_replica_key")
_LOGGING_SERVICE = ("Service", "logging.s3.amazonaws.com")
_Request = dict[str, str | None]
_HTTP: tuple[_Request, ...] = ({"aws:securetransport": "false", "s3:tlsversion": None},)
_MODERN: _Request = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}  # to be let through
_OLD_TLS: tuple[_Request, ...] = tuple(
    {"aws:securetransport": "true", "s3:tlsversion": version} for version in ("1.0", "1.1")
)


# ─── Buckets and what belongs to them ───


def _settings(bucket: Resource, kind: str) -> list[Resource]:
    """The resources of a type that configure a bucket, by its name or by reference."""
    return companions(bucket, kind, "bucket", *_NAMES)


def _inline(bucket: Resource, argument: str) -> bool:
    """Whether a bucket sets an argument itself.

    Raises:
        Unknown: it has a value, not AWS's own, and nothing says from where: a dynamic block, or what was set
            outside of this plan.
    """
    if bucket.declares(argument):
        return True
    value = bucket.values.get(argument)
    if not bucket.is_new and value and not _is_default(argument, value):
        why = f"{argument} is set, but neither by its block nor by a resource of its own"
        raise Unknown(bucket.address, why)
    return False


def _is_default(argument: str, value: object) -> bool:
    """Whether a computed value is what AWS gives every bucket: no versions, and encryption with SSE-S3."""
    signs = {"versioning": '"enabled": true', "server_side_encryption_configuration": '"aws:kms'}
    return argument in signs and signs[argument] not in json.dumps(value)


def _blocks(bucket: Resource, kind: str, argument: str) -> list[Resource | Block]:
    """The settings of a bucket, however they are declared."""
    found: list[Resource | Block] = [*_settings(bucket, kind)]
    if not found and _inline(bucket, argument):
        found += bucket.blocks(argument)
    return found


def _deliveries(plan: Plan) -> Iterator[Resource | Block]:
    """Every setting of access logs, however it is declared."""
    yield from plan.resources("aws_s3_bucket_logging")
    for bucket in plan.resources("aws_s3_bucket"):
        if bucket.declares("logging"):
            yield from bucket.blocks("logging")


def _deliveries_to(bucket: Resource) -> list[Resource | Block]:
    """The settings of access logs that deliver to a bucket."""
    answers = [(each, each.leads_to("target_bucket", bucket, *_NAMES)) for each in _deliveries(bucket.plan)]
    found = [each for each, answer in answers if answer]
    possible = [each.address for each, answer in answers if answer is None]
    if possible and not found:
        raise Unknown(bucket.address, f"target_bucket of {possible[0]} may name it: that cannot be told")
    return found


def _targets(plan: Plan) -> Iterator[Resource | Unknown]:
    """The buckets that others deliver their access logs to."""
    yield from _buckets(plan, are_targets=True)


def _sources(plan: Plan) -> Iterator[Resource | Unknown]:
    yield from _buckets(plan, are_targets=False)


def _buckets(plan: Plan, *, are_targets: bool) -> Iterator[Resource | Unknown]:
    for bucket in plan.resources("aws_s3_bucket"):
        try:
            if bool(_deliveries_to(bucket)) == are_targets:
                yield bucket
        except Unknown as problem:
            yield problem


def _policy(bucket: Resource) -> list[Statement]:
    policies = _settings(bucket, "aws_s3_bucket_policy")
    if not policies and _inline(bucket, "policy"):
        policies = [bucket]
    return [statement for policy in policies for statement in planned(policy)]


# ─── Transport ───


def _name(bucket: Resource) -> str:
    if not bucket.get("bucket"):
        raise Unknown(bucket.address, "bucket is not set: AWS makes up its name")
    return str(bucket.get("bucket"))


def _denies(bucket: Resource, requests: tuple[_Request, ...]) -> list[str]:
    """What of a bucket is open to requests of a kind: statements may share the work."""
    denials = [each for each in _policy(bucket) if _is_denial(each) and not applies(each, _MODERN)]
    if not denials:
        return ["its objects", "the bucket"]
    name = _name(bucket)
    parts = {f"arn:aws:s3:::{name}": "the bucket", f"arn:aws:s3:::{name}/*": "its objects"}
    return sorted(
        {
            words
            for (arn, words), request in product(parts.items(), requests)
            if not any(_is_on(each, arn) and applies(each, request) for each in denials)
        }
    )


def _is_denial(statement: Statement) -> bool:
    """Whether it denies everyone everything of S3."""
    is_total = statement.is_for_everyone and not statement.negated and covers_action(statement, "s3:*")
    return is_total and not statement.allows


def _is_on(statement: Statement, arn: str) -> bool:
    # The partition is none of this control's business.
    found = [re.sub(r"^arn:[\w-]+:s3:::", "arn:aws:s3:::", each) for each in statement.resources]
    return any(covers(each, arn) for each in found)


@control(
    "s3-https-only",
    "Every bucket denies every request that comes over plain HTTP, to the bucket and to its objects",
    "critical",
    of=_BUCKETS,
    improvement="P0-01",
    security_hub="S3.5",
    cis="2.1.1",
)
def https_only(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html."""
    still = _denies(bucket, _HTTP)
    advice = "deny s3:* to everyone on {} if aws:SecureTransport is false"
    yield Seen(bucket, still, [], advice.format(" and ".join(still)))


@control("s3-tls-1-2", "Every bucket denies TLS before 1.2", "medium", of=_BUCKETS, improvement="P0-01")
def tls_version(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html."""
    still = _denies(bucket, _OLD_TLS)
    advice = "deny s3:* to everyone on {} if s3:TlsVersion is less than 1.2"
    yield Seen(bucket, still, [], advice.format(" and ".join(still)))


@control(
    "s3-one-policy",
    "A bucket has one policy: a second one would replace it",
    "high",
    of=_BUCKETS,
    improvement="P0-01",
)
def one_policy(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html."""
    found = len(_settings(bucket, "aws_s3_bucket_policy"))
    if found == 0 or bucket.declares("policy"):
        found += _inline(bucket, "policy")
    yield Seen(bucket, found, 1, f"give it one policy; it has {found or 'none'}")
    for each in bucket.plan.resources("aws_s3_bucket_policy"):
        if each.leads_to("bucket", bucket, *_NAMES) is None:
            raise Unknown(bucket.address, f"bucket of {each.address} may name it, too: that cannot be told")


# ─── Keys of Requests ───

_HEADER = "s3:x-amz-server-side-encryption"
_HEADERS = (_HEADER, f"{_HEADER}-aws-kms-key-id", f"{_HEADER}-customer-algorithm")
_OWN_KEYS = re.compile(r"arn:[\w-]+:kms:[\w-]+:\d{12}:key/[\w*-]+")


@control(
    "s3-own-key",
    "A bucket that is no target of logs refuses other accounts' keys, other encryption, and keys in requests",
    "medium",
    of=_sources,
)
def own_key(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html."""
    refused = {_refused_header(each) for each in _policy(bucket)}
    let_in = [each for each in _HEADERS if each not in refused]
    yield Seen(bucket, let_in, [], f"deny s3:PutObject with another {', '.join(let_in)} than the domain's")


def _refused_header(statement: Statement) -> str | None:
    """Return the header that a statement refuses: with another value than the domain's, or at all."""
    named = {key for _, key in statement.conditions}
    is_denial = statement.is_for_everyone and not statement.negated and not statement.allows
    if not is_denial or not covers_action(statement, "s3:PutObject") or len(named) != 1:
        return None
    (key,) = named
    rest = {operator: values for (operator, _), values in statement.conditions.items() if operator != "Null"}
    is_refused = {
        _HEADERS[0]: rest == {"StringNotEquals": ("aws:kms",)},
        _HEADERS[1]: list(rest) == ["ArnNotLike"] and all(map(_OWN_KEYS.fullmatch, rest["ArnNotLike"])),
        _HEADERS[2]: rest == {},
    }
    is_of_objects = any(each.endswith("/*") for each in statement.resources)
    is_present = statement.conditions.get(("Null", key)) == ("false",)
    return key if is_present and is_of_objects and is_refused.get(key, False) else None


# ─── Access ───


@control(
    "s3-public-access-block",
    "Every bucket blocks public access, in all four ways",
    "critical",
    of=_BUCKETS,
    security_hub="S3.2, S3.3, S3.8",
    cis="2.1.4",
    checkov="CKV2_AWS_6",
)
def public_access_block(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html."""
    flags = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    found = _settings(bucket, "aws_s3_bucket_public_access_block")
    advice = "give it one aws_s3_bucket_public_access_block"
    yield Seen(bucket, f"{len(found)} access blocks", "1 access blocks", advice)
    for each in found:
        off = [flag for flag in flags if each.get(flag) is not True]
        yield Seen(bucket, off, [], f"set {', '.join(off)} to true in {each.address}")


@control(
    "s3-owner-enforced",
    "Access lists are off: the bucket's owner owns every object",
    "medium",
    of=_BUCKETS,
    security_hub="S3.12",
    checkov="CKV2_AWS_65",
)
def ownership(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html."""
    found = _settings(bucket, "aws_s3_bucket_ownership_controls")
    advice = "give it aws_s3_bucket_ownership_controls with object_ownership BucketOwnerEnforced"
    yield Seen(
        bucket, [each.get("rule.0.object_ownership") for each in found], ["BucketOwnerEnforced"], advice
    )


@control(
    "s3-no-acl",
    "No bucket or object has an access list",
    "medium",
    of=(*_BUCKETS, *_OBJECTS),
    security_hub="S3.12",
)
def no_acl(resource: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html."""
    found = [name for name in ("acl", "grant") if resource.declares(name) and resource.has(name)]
    yield Seen(resource, found, [], f"leave out {' and '.join(found)}: the bucket's policy gives access")
    if resource.type in _BUCKETS:
        lists = [each.address for each in _settings(resource, "aws_s3_bucket_acl")]
        yield Seen(resource, lists, [], f"remove {', '.join(lists)}: the bucket's policy gives access")


# ─── Data protection ───


def _encryptions(bucket: Resource) -> list[Block]:
    """The rules of a bucket's default encryption."""
    name = "server_side_encryption_configuration"
    found = _blocks(bucket, f"aws_s3_bucket_{name}", name)
    return [rule for each in found for rule in each.blocks("rule")]


def _algorithm(rule: Block) -> object:
    return rule.get("apply_server_side_encryption_by_default.0.sse_algorithm")


@control(
    "s3-customer-key",
    "Every data bucket encrypts with a customer-managed key and bucket keys",
    "high",
    of=_sources,
    improvement="P1-03",
    security_hub="S3.17",
    checkov="CKV_AWS_145",
)
def customer_key(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html."""
    seen = [_encryption(rule) for rule in _encryptions(bucket)]
    advice = "encrypt with aws:kms, a key of your own in kms_master_key_id, and bucket_key_enabled"
    yield Seen(bucket, seen, [("aws:kms", True, "a customer-managed key")], advice)


def _encryption(rule: Block) -> tuple[object, bool, str]:
    algorithm, has_bucket_keys = _algorithm(rule), rule.get("bucket_key_enabled") is True
    if algorithm == "aws:kms:dsse":  # has no bucket keys
        algorithm, has_bucket_keys = "aws:kms", True
    return algorithm, has_bucket_keys, _key(rule) if algorithm == "aws:kms" else "none"


def _key(rule: Block) -> str:
    path = "apply_server_side_encryption_by_default.0.kms_master_key_id"
    if rule.is_known(path):
        key = str(rule.get(path) or "")
        is_own = bool(key) and "alias/aws/" not in key
        return "a customer-managed key" if is_own else f"key {key!r}"
    origins = rule.origins(path) or []
    types = {each.type for each in origins if each.type in _KEYS or passes_on(each)}
    if not types or not types <= {*_KEYS}:
        raise Unknown(rule.address, f"{path} is known only after the apply, and names no key of this plan")
    return "a customer-managed key"


@control(
    "s3-log-target-aes256",
    "A bucket that receives access logs encrypts with SSE-S3: with SSE-KMS nothing is delivered",
    "high",
    of=_targets,
    improvement="P1-02",
)
def log_target_encryption(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html."""
    found = [_algorithm(rule) for rule in _encryptions(bucket)] or ["AES256"]  # AWS's default
    yield Seen(bucket, found, ["AES256"], "encrypt it with AES256 (SSE-S3)")


def _versioned(bucket: Resource) -> list[str]:
    """The state of each setting of a bucket's versions."""
    found = _settings(bucket, "aws_s3_bucket_versioning")
    states = [str(each.get("versioning_configuration.0.status")) for each in found]
    if not found and _inline(bucket, "versioning"):
        states = ["Enabled" if each.get("enabled") else "Disabled" for each in bucket.blocks("versioning")]
    return states


@control(
    "s3-versioning",
    "Every data bucket keeps versions",
    "medium",
    of=_sources,
    security_hub="S3.14",
    checkov="CKV_AWS_21",
)
def versioning(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html."""
    advice = "give it aws_s3_bucket_versioning with status Enabled"
    yield Seen(bucket, _versioned(bucket), ["Enabled"], advice)


@control(
    "s3-lifecycle",
    "Every bucket removes uploads that were never finished, and a bucket with versions the old ones",
    "low",
    of=_BUCKETS,
    security_hub="S3.13",
    checkov="CKV_AWS_300",
)
def lifecycle(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html."""
    separate = _settings(bucket, "aws_s3_bucket_lifecycle_configuration")
    rules = [rule for each in separate for rule in each.blocks("rule") if rule.get("status") == "Enabled"]
    if not separate and _inline(bucket, "lifecycle_rule"):
        rules = [rule for rule in bucket.blocks("lifecycle_rule") if rule.get("enabled")]
    aborts = "aborts" if any(_aborts(rule) and _is_of_all(rule) for rule in rules) else "never aborts"
    yield Seen(
        bucket, aborts, "aborts", "add a rule with abort_incomplete_multipart_upload for the whole bucket"
    )
    if _versioned(bucket) == ["Enabled"]:
        expires = any(rule.blocks("noncurrent_version_expiration") for rule in rules)
        state = "old versions expire" if expires else "versions stay"
        yield Seen(bucket, state, "old versions expire", "add a rule with noncurrent_version_expiration")


def _aborts(rule: Block) -> bool:
    days = rule.get("abort_incomplete_multipart_upload_days") if rule.path.startswith("lifecycle") else None
    return bool(
        days or (not rule.path.startswith("lifecycle") and rule.blocks("abort_incomplete_multipart_upload"))
    )


def _is_of_all(rule: Block) -> bool:
    """Whether a rule has no filter."""
    if rule.get("prefix") or (rule.path.startswith("lifecycle") and rule.get("tags")):
        return False
    filters = [] if rule.path.startswith("lifecycle") else rule.blocks("filter")
    narrow = ("and", "object_size_greater_than", "object_size_less_than", "prefix", "tag")
    return not any(each.get(name) for each in filters for name in narrow)


@control("s3-no-force-destroy", "No bucket is deleted with the objects in it", "high", of=_BUCKETS)
def no_force_destroy(bucket: Resource) -> Iterator[Seen]:
    """https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/s3_bucket."""
    yield Seen(bucket, bool(bucket.get("force_destroy")), False, "set force_destroy to false")


# ─── Access logs ───


@control(
    "s3-access-logging",
    "Every data bucket delivers its access logs, each under a prefix of its own",
    "high",
    of=_sources,
    improvement="P1-02",
    security_hub="S3.9",
    checkov="CKV_AWS_18",
)
def access_logging(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html."""
    found = _blocks(bucket, "aws_s3_bucket_logging", "logging")
    yield Seen(bucket, len(found), 1, "deliver its access logs with one aws_s3_bucket_logging")
    for setting in found:
        place = _place(setting)
        others = [each for each in _deliveries(bucket.plan) if each.address < setting.address]
        own = bool(place[1]) and place not in map(_place, others)
        yield Seen(bucket, own, True, "give its logs a target_prefix that no other bucket has")


def _place(setting: Resource | Block) -> tuple[str, str]:
    """Where logs go: the bucket, by its name or by reference, and the prefix."""
    known = setting.is_known("target_bucket")
    origins = sorted(each.address for each in setting.origins("target_bucket") or ())
    target = str(setting.get("target_bucket") if known else origins)
    return target, str(setting.get("target_prefix") or "")


@control(
    "s3-log-target-not-logged",
    "A bucket that receives access logs does not log itself: each log would make another",
    "high",
    of=_targets,
    improvement="P1-02",
)
def no_logging_loop(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html."""
    found = len(_blocks(bucket, "aws_s3_bucket_logging", "logging"))
    yield Seen(bucket, found, 0, "do not log the bucket that receives the logs")


@control(
    "s3-log-delivery",
    "A log bucket lets the logging service put logs under each source's prefix, for that source only",
    "high",
    of=_targets,
    improvement="P1-02",
)
def log_delivery(target: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html."""
    deliveries = [each for each in _policy(target) if each.principals == (_LOGGING_SERVICE,)]
    for setting in _deliveries_to(target):
        allowed = any(_delivers(each, setting, target) for each in deliveries)
        advice = f"allow logging.s3.amazonaws.com s3:PutObject under the prefix of {setting.address}, "
        advice += "on conditions aws:SourceArn (that bucket) and aws:SourceAccount"
        yield Seen(target, f"{int(allowed)} for {setting.address}", f"1 for {setting.address}", advice)


def _delivers(statement: Statement, setting: Resource | Block, target: Resource) -> bool:
    path = f"{_name(target)}/{setting.get('target_prefix') or ''}*"
    arns, accounts = (
        [each for way in NAMING for each in statement.conditions.get((way, key), ())]
        for key in ("aws:sourcearn", "aws:sourceaccount")
    )
    return (
        statement.allows
        and tuple(each.lower() for each in statement.actions) == ("s3:putobject",)
        and path in {resource.rpartition(":::")[2] for resource in statement.resources}
        and _source(setting) in {arn.rpartition(":::")[2] for arn in arns}
        and len(accounts) == 1
        and names_account(accounts[0])
    )


def _source(setting: Resource | Block) -> str:
    """The name of the bucket whose logs a setting delivers."""
    if isinstance(setting, Block):
        return _name(setting.resource)
    if setting.is_known("bucket"):
        return str(setting.get("bucket"))
    for bucket in setting.plan.resources("aws_s3_bucket"):
        if setting.leads_to("bucket", bucket, *_NAMES):
            return _name(bucket)
    raise Unknown(setting.address, "bucket is known only after the apply, and names none of this plan")
