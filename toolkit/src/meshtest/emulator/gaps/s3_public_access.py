"""New buckets block public access and take no access lists; both settings are enforced.

moto 5.2.5 lacks: that. Its buckets begin without either setting, and it only keeps what they say. What public
access block says of policies is in `s3_bucket_policies`.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html (defaults),
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeBucket, PublicAccessBlock
from moto.s3.responses import S3Response

from meshtest.emulator.gaps.s3_bucket_policies import AccessDenied
from meshtest.emulator.s3_call import Refusal, bucket_of

ENFORCED = "BucketOwnerEnforced"
# What an upload may still say of its access list, as the list of a bucket without lists is that.
_HARMLESS = "bucket-owner-full-control"
_PUBLIC = frozenset({"public-read", "public-read-write", "authenticated-read"})
_EVERYBODY = ("global/AllUsers", "global/AuthenticatedUsers")

_init = FakeBucket.__init__
_bucket_response_put = S3Response._bucket_response_put
_key_response_put = S3Response._key_response_put
_key_response_post = S3Response._key_response_post


def install() -> None:
    """Give new buckets the defaults, and look at each access list before it is taken."""
    bucket: Any = FakeBucket
    bucket.__init__ = _with_defaults
    response: Any = S3Response
    response._bucket_response_put = _put_bucket
    response._key_response_put = _put_object
    response._key_response_post = _post_object


def _with_defaults(self: Any, *arguments: Any, **named: Any) -> None:
    _init(self, *arguments, **named)
    self.ownership_rule = ENFORCED
    self.public_access_block = PublicAccessBlock(*["true"] * 4)


def _put_bucket(self: Any, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
    headers = request.headers
    if not querystring and bucket_of(bucket_name) is None:
        _check_new_bucket(headers)
    if "acl" in querystring and (bucket := bucket_of(bucket_name)):
        _check_list(bucket, "s3:PutBucketAcl", self)
    return _bucket_response_put(self, request, bucket_name, querystring)


def _check_new_bucket(headers: Any) -> None:
    has_list = _brings_list(headers, "private")
    if has_list and headers.get("x-amz-object-ownership", ENFORCED) == ENFORCED:
        message = f"Bucket cannot have ACLs set with ObjectOwnership's {ENFORCED} setting"
        raise Refusal(400, "InvalidBucketAclWithObjectOwnership", message)
    if has_list and _is_public(headers, b""):
        message = "Bucket cannot have public ACLs set with BlockPublicAccess enabled"
        raise Refusal(400, "InvalidBucketAclWithBlockPublicAccessError", message)


def _put_object(self: Any, query: dict[str, Any], key_name: str) -> Any:
    if bucket := bucket_of(self.bucket_name):
        if "acl" in query:
            _check_list(bucket, "s3:PutObjectAcl", self)
        elif _brings_list(self.headers, _HARMLESS):
            _check_list(bucket, "s3:PutObject", self)
    return _key_response_put(self, query, key_name)


def _post_object(self: Any, request: Any, body: bytes, bucket_name: str, query: Any, key_name: str) -> Any:
    if "uploads" in query and _brings_list(self.headers, _HARMLESS) and (bucket := bucket_of(bucket_name)):
        _check_list(bucket, "s3:PutObject", self)
    return _key_response_post(self, request, body, bucket_name, query, key_name)


def _check_list(bucket: Any, action: str, response: Any) -> None:
    """Check whether a bucket takes the access list that a call brings.

    Raises:
        Refusal: it takes none, or no public one.
    """
    if bucket.ownership_rule == ENFORCED:
        raise Refusal(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
    blocked = bucket.public_access_block
    body = response.body or b"" if action != "s3:PutObject" else b""
    if blocked and blocked.block_public_acls and _is_public(response.headers, body):
        raise AccessDenied


def _brings_list(headers: Any, harmless: str) -> bool:
    """Say whether a call has another access list than the one that changes nothing."""
    return headers.get("x-amz-acl", harmless) != harmless or bool(_grants(headers))


def _grants(headers: Any) -> list[str]:
    return [value for name, value in headers.items() if name.lower().startswith("x-amz-grant-")]


def _is_public(headers: Any, body: bytes | str) -> bool:
    document = body.decode(errors="replace") if isinstance(body, bytes) else body
    named = " ".join([*_grants(headers), document])
    return headers.get("x-amz-acl") in _PUBLIC or any(group in named for group in _EVERYBODY)
