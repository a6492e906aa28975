"""Check who has signed a request, by Signature Version 4 or 2, in headers, in the query or in a form.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (presigned),
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html (forms) and
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html (version 2).

The signature of a request is looked at, those of its chunks (STREAMING-AWS4-HMAC-SHA256-PAYLOAD) are not.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from moto.core.request import environ_key_for_header

SKEW = timedelta(minutes=15)
LONGEST_S = 7 * 24 * 3600
ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]+)\s*"
)
_HEX = re.compile(r"[0-9a-f]{64}")
_SAFE = "-_.~"


class Refused(Exception):
    """The signature is none; ``code`` is S3's, `OTHER_CODES` tells what other services call it."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code, self.status = code, status


# Of who has signed, and may not do what he asks for.
NOT_AUTHORIZED = "NotAuthorized"
# S3's codes, as services with a JSON and with a query protocol have them.
OTHER_CODES = {
    NOT_AUTHORIZED: ("AccessDeniedException", "AccessDenied"),
    "AccessDenied": ("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
    "ExpiredToken": ("ExpiredTokenException", "ExpiredToken"),
    "InvalidAccessKeyId": ("UnrecognizedClientException", "InvalidClientTokenId"),
    "InvalidToken": ("UnrecognizedClientException", "InvalidClientTokenId"),
    "RequestTimeTooSkewed": ("InvalidSignatureException", "SignatureDoesNotMatch"),
    "SignatureDoesNotMatch": ("InvalidSignatureException", "SignatureDoesNotMatch"),
}


@dataclass(frozen=True)
class Secret:
    """What belongs to an access key id: the key, and for temporary credentials token and end."""

    key: str
    token: str | None = None
    expiration: datetime | None = None


SecretOf = Callable[[str], Secret | None]


def is_signed(environ: Mapping[str, Any]) -> bool:
    """Return whether a request claims to be signed, in its headers or its query."""
    query = environ.get("QUERY_STRING", "")
    return "HTTP_AUTHORIZATION" in environ or "X-Amz-Credential=" in query or "AWSAccessKeyId=" in query


def check(environ: Mapping[str, Any], body: bytes, secret_of: SecretOf) -> None:
    """Check the signature of a request.

    Raises:
        Refused: nobody that is known has signed it, or not now, or another request.
    """
    header: str = environ.get("HTTP_AUTHORIZATION", "")
    query = _parameters(environ.get("QUERY_STRING", ""))
    if header.startswith("AWS "):
        _check_version_2(environ, *_pair(header[4:]), environ.get("HTTP_DATE", ""), secret_of)
    elif header:
        _check_header(environ, header, body, secret_of)
    elif "X-Amz-Credential" in query:
        _check_query(environ, query, secret_of)
    else:
        expires = query.get("Expires", "")
        if not expires.isdecimal() or int(expires) < datetime.now(UTC).timestamp():
            raise Refused("AccessDenied", "Request has expired")
        _check_version_2(environ, query["AWSAccessKeyId"], query.get("Signature", ""), expires, secret_of)


def check_form(fields: Mapping[str, str], secret_of: SecretOf) -> None:
    """Check the signature of a form's policy; ``fields`` have lower-case names.

    Raises:
        Refused: it has none, or nobody that is known has signed it.
    """
    policy = fields.get("policy", "")
    token = fields.get("x-amz-security-token")
    if key_id := fields.get("awsaccesskeyid"):
        secret = _known(key_id, token, secret_of)
        digest = hmac.digest(secret.key.encode(), policy.encode(), "sha1")
        _compare(base64.b64encode(digest).decode(), fields.get("signature", ""))
    elif credential := fields.get("x-amz-credential"):
        secret = _known(credential.split("/")[0], token, secret_of)
        _compare(_sign(secret.key, credential, policy), fields.get("x-amz-signature", ""))
    else:
        raise Refused("AccessDenied", "Access Denied")


# ─── Version 4 ───


def _check_header(environ: Mapping[str, Any], header: str, body: bytes, secret_of: SecretOf) -> None:
    found = _HEADER.fullmatch(header)
    if found is None:
        raise Refused("AuthorizationHeaderMalformed", "The authorization header is malformed", 400)
    moment = _moment(environ.get("HTTP_X_AMZ_DATE") or environ.get("HTTP_DATE", ""))
    if abs(datetime.now(UTC) - moment) > SKEW:
        message = "The difference between the request time and the current time is too large."
        raise Refused("RequestTimeTooSkewed", message)
    digest = hashlib.sha256(body).hexdigest()
    payload: str = environ.get("HTTP_X_AMZ_CONTENT_SHA256", digest)
    if _HEX.fullmatch(payload) and payload != digest:
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise Refused("XAmzContentSHA256Mismatch", message, 400)
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
    secret = _known(found["credential"].split("/")[0], token, secret_of)
    text = _to_sign(environ, found["credential"], found["headers"], payload, moment)
    _compare(_sign(secret.key, found["credential"], text), found["signature"])


def _check_query(environ: Mapping[str, Any], query: Mapping[str, str], secret_of: SecretOf) -> None:
    moment, expires = _moment(query.get("X-Amz-Date", "")), query.get("X-Amz-Expires", "")
    if not expires.isdecimal() or not 0 < int(expires) <= LONGEST_S:
        message = f"X-Amz-Expires must be a number from 1 to {LONGEST_S} (a week)"
        raise Refused("AuthorizationQueryParametersError", message, 400)
    if datetime.now(UTC) > moment + timedelta(seconds=int(expires)):
        raise Refused("AccessDenied", "Request has expired")
    if moment > datetime.now(UTC) + SKEW:
        raise Refused("AccessDenied", "Request is not valid yet")
    credential = query["X-Amz-Credential"]
    secret = _known(credential.split("/")[0], query.get("X-Amz-Security-Token"), secret_of)
    payload = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "UNSIGNED-PAYLOAD")
    text = _to_sign(environ, credential, query.get("X-Amz-SignedHeaders", "host"), payload, moment)
    _compare(_sign(secret.key, credential, text), query.get("X-Amz-Signature", ""))


def _to_sign(environ: Mapping[str, Any], credential: str, signed: str, payload: str, moment: datetime) -> str:
    path, _, query = environ["RAW_URI"].partition("?")
    scope = credential.partition("/")[2]
    # All but S3 sign the path as it is encoded once more.
    path = quote(unquote(path) if "/s3/" in f"/{scope}" else path, safe="/" + _SAFE)
    names = signed.split(";")
    headers = "".join(f"{name}:{_header(environ, name)}\n" for name in names)
    canonical = "\n".join(
        (environ["REQUEST_METHOD"], path or "/", _canonical_query(query), headers, signed, payload)
    )
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    return "\n".join((ALGORITHM, f"{moment:%Y%m%dT%H%M%SZ}", scope, digest))


def _canonical_query(query: str) -> str:
    pairs = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name != "X-Amz-Signature":
            pairs.append(f"{quote(unquote(name), safe=_SAFE)}={quote(unquote(value), safe=_SAFE)}")
    return "&".join(sorted(pairs, key=lambda pair: pair.split("=", 1)))


def _header(environ: Mapping[str, Any], name: str) -> str:
    plain = {"content-length": "CONTENT_LENGTH", "content-type": "CONTENT_TYPE"}
    value: str = environ.get(plain.get(name) or environ_key_for_header(name), "")
    return " ".join(value.split())


def _sign(key: str, credential: str, text: str) -> str:
    digest = f"AWS4{key}".encode()
    for part in [*credential.split("/")[1:4], "aws4_request", text]:
        digest = hmac.digest(digest, part.encode("latin-1"), "sha256")
    return digest.hex()


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused("AccessDenied", "AWS authentication requires a valid Date or x-amz-date") from error


# ─── Version 2 ───


def _check_version_2(
    environ: Mapping[str, Any], key_id: str, signature: str, date: str, secret_of: SecretOf
) -> None:
    from botocore.auth import HmacV1Auth
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials

    query = _parameters(environ.get("QUERY_STRING", ""))
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or query.get("x-amz-security-token")
    secret = _known(key_id, token, secret_of)
    headers: Any = HTTPHeaders()
    for name, value in environ.items():
        if name.startswith("HTTP_X_AMZ_"):
            headers[name[5:].replace("_", "-").lower()] = value
    for name in query:
        if "Expires" in query and name.startswith("x-amz-"):
            headers[name] = query[name]
    auth, split = HmacV1Auth(Credentials(key_id, secret.key)), urlsplit(environ["RAW_URI"])
    host = environ.get("HTTP_HOST", "").partition(".s3.")
    path = f"/{host[0]}{split.path}" if host[1] else split.path
    if path.count("/") == 1 and path != "/":
        path += "/"  # a bucket's own
    parts = [environ["REQUEST_METHOD"], environ.get("HTTP_CONTENT_MD5", ""), environ.get("CONTENT_TYPE", "")]
    parts += ["" if "x-amz-date" in headers else date, auth.canonical_custom_headers(headers)]
    parts += [auth.canonical_resource(split, auth_path=path)]
    text = "\n".join(part for number, part in enumerate(parts) if part or number != 4)
    _compare(auth.sign_string(text), signature)


# ─── Parts ───


def _known(key_id: str, token: str | None, secret_of: SecretOf) -> Secret:
    secret = secret_of(key_id)
    if secret is None:
        message = "The AWS Access Key Id you provided does not exist in our records."
        raise Refused("InvalidAccessKeyId", message)
    if secret.token is not None and not hmac.compare_digest(secret.token.encode(), (token or "").encode()):
        raise Refused("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)
    if secret.expiration is not None and secret.expiration < datetime.now(UTC):
        raise Refused("ExpiredToken", "The provided token has expired.", 400)
    return secret


def _compare(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        message = "The request signature we calculated does not match the signature you provided."
        raise Refused("SignatureDoesNotMatch", f"{message} Check your key and signing method.")


def _pair(text: str) -> tuple[str, str]:
    first, _, second = text.strip().partition(":")
    return first, second


def _parameters(query: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in query.split("&"))
    return {unquote(name): unquote(value) for name, _, value in pairs}
