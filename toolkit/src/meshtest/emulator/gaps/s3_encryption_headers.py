"""S3 refuses what a request asks for its encryption if it is none, or two kinds at once.

moto 5.2.5 lacks: these checks.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html and,
for codes and wording, https://github.com/ceph/s3-tests (which is run against AWS)
"""

from __future__ import annotations

from typing import Any

from moto.s3.responses import S3Response

from meshtest.emulator.s3_call import Refusal

_HEADER = "x-amz-server-side-encryption"
_CUSTOMER = f"{_HEADER}-customer"
_KINDS = ("AES256", "aws:fsx", "aws:kms", "aws:kms:dsse")

_key_response = S3Response._key_response


def install() -> None:
    """Look at the headers before moto does."""
    response: Any = S3Response
    response._key_response = _checked


def _checked(self: Any, request: Any, full_url: str) -> Any:
    if request.method in ("POST", "PUT"):
        check(request.headers)
    return _key_response(self, request, full_url)


def check(headers: Any) -> None:
    """Check what the headers of a request say of encryption.

    Raises:
        Refusal: it cannot be meant.
    """
    kind, algorithm = headers.get(_HEADER), headers.get(f"{_CUSTOMER}-algorithm")
    if kind is not None and kind not in _KINDS:
        raise Refusal(400, "InvalidArgument", "The encryption method specified is not supported")
    has_key = f"{_HEADER}-aws-kms-key-id" in headers
    if has_key and kind not in ("aws:kms", "aws:kms:dsse"):
        message = (
            "Server Side Encryption with AWS KMS managed key requires HTTP header "
            "x-amz-server-side-encryption : aws:kms"
        )
        raise Refusal(400, "InvalidArgument", message)
    _check_customer_key(headers, kind, algorithm)


def _check_customer_key(headers: Any, kind: str | None, algorithm: str | None) -> None:
    customer = "Requests specifying Server Side Encryption with Customer provided keys must provide"
    has_key = f"{_CUSTOMER}-key" in headers
    if algorithm is not None and algorithm != "AES256":
        message = "The Encryption request you specified is not valid. Supported value: AES256."
        raise Refusal(400, "InvalidEncryptionAlgorithmError", message)
    if algorithm is not None and not has_key:
        raise Refusal(400, "InvalidArgument", f"{customer} an appropriate secret key.")
    if has_key and algorithm is None:
        raise Refusal(400, "InvalidArgument", f"{customer} a valid encryption algorithm.")
    if has_key and kind is not None:
        message = (
            "Server Side Encryption with Customer provided key is incompatible with the encryption method "
            "specified"
        )
        raise Refusal(400, "InvalidArgument", message)
