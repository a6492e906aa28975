"""Sign requests that no SDK makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint


def signed(
    endpoint: Endpoint,
    method: str,
    target: str,
    *,
    service: str = "s3",
    body: bytes = b"",
    host: str | None = None,
    headers: dict[str, str] | None = None,
    region: str | None = None,
) -> dict[str, str]:
    """Return the headers of a request that the root user signs; of S3's, whatever its body is.

    Args:
        endpoint: whose credentials sign.
        method: of the request.
        target: the path with its query, as it is sent.
        service: the signing name.
        body: what services other than S3 sign.
        host: as it is sent; by default that of the HTTP listener.
        headers: further ones, which are signed too.
        region: the one to sign for; by default the endpoint's.
    """
    named = {"Host": host or endpoint.http.removeprefix("http://"), **(headers or {})}
    if service == "s3":
        named.setdefault("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    request = AWSRequest(method, f"http://{named['Host']}{target}", named, body)
    request.context["client_config"] = None
    keys = Credentials(endpoint.access_key_id, endpoint.secret_access_key)
    signer = _AnyBody if service == "s3" else SigV4Auth
    signer(keys, service, region or endpoint.region).add_auth(request)
    return dict(request.headers)


class _AnyBody(S3SigV4Auth):
    """Signs with the payload that the header names, as a request that is sent in pieces does."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.headers["x-amz-content-sha256"])

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        kept = request.headers["x-amz-content-sha256"]
        super()._modify_request_before_signing(request)
        del request.headers["x-amz-content-sha256"]
        request.headers["x-amz-content-sha256"] = kept
