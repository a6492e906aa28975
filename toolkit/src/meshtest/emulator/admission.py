"""Who may talk to the emulator at all: this user's own processes, which know its credentials.

It runs code, so a page in a browser must not reach it. A page of another site that rebinds its name to
loopback is told by the Host that it names, one that sends forms or scripts by its Origin, and both by the
signature that they cannot make.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from meshtest.emulator import signatures
from meshtest.emulator.signatures import Refused, Secret

# Loopback by number and by name, with the virtual hosts of buckets: names below localhost never leave the
# machine, https://www.rfc-editor.org/rfc/rfc6761#section-6.3
_LOOPBACK = re.compile(r"(127(\.\d{1,3}){3}|\[::1\]|([a-z0-9._-]+\.)?localhost)(:\d{1,5})?", re.IGNORECASE)
_SITE = re.compile(r"https?://(.+)", re.IGNORECASE)
_CONTROL = "/moto-api"
_FORM = "multipart/form-data"
# What nobody in particular may ask of S3, as far as a bucket's policy lets everybody.
_UNSIGNED = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT"})


def check_address(environ: Mapping[str, Any]) -> None:
    """Check by which name the emulator is called, and from which site.

    Raises:
        Refused: not by a name of loopback, from a site elsewhere, or for moto's own controls.
    """
    host = environ.get("HTTP_HOST", "")
    if not _LOOPBACK.fullmatch(host):
        raise Refused("AccessDenied", f"Host {host!r} is not of loopback: expected localhost or 127.0.0.1")
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None:
        site = _SITE.fullmatch(origin)
        if site is None or not _LOOPBACK.fullmatch(site[1]):
            raise Refused("AccessDenied", f"Origin {origin!r} is another site")
    if environ["PATH_INFO"].startswith(_CONTROL):
        raise Refused("AccessDenied", f"{_CONTROL} is not served: start another emulator to begin anew")


def check_signature(environ: Mapping[str, Any], body: bytes, service: str) -> None:
    """Check that a request is signed by one of the emulator's credentials.

    An unsigned one to S3 is left to bucket policies; a form brings its signature in its fields.

    Raises:
        Refused: it is not, and has to be.
    """
    if signatures.is_signed(environ):
        signatures.check(environ, body, secret_of)
        return
    method = environ["REQUEST_METHOD"]
    is_form = method == "POST" and environ.get("CONTENT_TYPE", "").startswith(_FORM)
    if service != "s3" or not (method in _UNSIGNED or is_form):
        raise Refused("AccessDenied", "Request is missing Authentication Token")


def secret_of(key_id: str) -> Secret | None:
    """Return the secret of an access key id: the root user's, a user's that is active, or a session's."""
    from meshtest.emulator import server

    root = server.current_endpoint()
    if key_id == root.access_key_id:
        return Secret(root.secret_access_key)
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    for user in list(iam_backends[root.account_id]["aws"].users.values()):
        for key in user.access_keys:
            if key.access_key_id == key_id:
                return Secret(key.secret_access_key) if key.status == "Active" else None
    for session in list(sts_backends[root.account_id]["aws"].assumed_roles):
        if session.access_key_id == key_id:
            ends = session.expiration.replace(tzinfo=UTC)
            return Secret(session.secret_access_key, session.session_token, ends)
    return None
