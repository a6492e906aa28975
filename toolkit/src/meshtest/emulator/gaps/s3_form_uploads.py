"""Form uploads (POST Object, presigned POST): another way to PUT an object, within its POST policy.

moto 5.2.5 lacks: the policy, the status 201, and all but the acl and the metadata of what a form says of its
object.

A form becomes the PUT of its object, with headers for the fields that have one; so all that holds for
a PUT holds for it: bucket policies, encryption, versions. The signature is that of its policy: a form without
one is refused, as any page could send it.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.sax.saxutils import escape

import xmltodict
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.s3.responses import S3Response
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder

from meshtest.emulator import admission, post_policy, signatures
from meshtest.emulator.s3_call import SENT_AS, Refusal

FORM = "meshtest.form"
REFUSAL = "meshtest.form_refusal"
_HEADERS = ("cache-control", "content-type", "content-disposition", "content-encoding", "expires")
_SIGNATURE = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "awsaccesskeyid", "signature"}
)
_STATUSES = {"200": HTTPStatus.OK, "201": HTTPStatus.CREATED}

_bucket_response_post = S3Response._bucket_response_post
_key_response = S3Response._key_response


def install() -> None:
    """Take forms before moto does, and check each against its policy once it is known who sends it."""
    response: Any = S3Response
    for name in ("bucket_dispatch", "ambiguous_dispatch"):
        setattr(response, name, classmethod(_taking_forms(getattr(S3Response, name).__func__)))
    response._bucket_response_post = _unless_refused
    response._key_response = _within_policy


def _taking_forms(dispatch: Any) -> Any:
    @functools.wraps(dispatch)
    def taking(cls: Any, request: Any, full_url: str, headers: Any) -> Any:
        if request.method != "POST" or not _is_of_bucket(request) or "delete" in request.args:
            return dispatch(cls, request, full_url, headers)
        response = cls()
        response.headers = request.headers
        try:
            form = _read(request, response.parse_bucket_name_from_url(request, full_url))
        except Refusal as refusal:
            request.environ[REFUSAL] = refusal
            return dispatch(cls, request, full_url, headers)
        put = type(request)(_as_put(request, form))
        return cls.key_dispatch(put, put.raw_url, dict(put.headers))

    return taking


def _is_of_bucket(request: Any) -> bool:
    """Return whether a path, or a host, names a bucket and no key."""
    path: str = request.raw_path.strip("/")
    return not path if S3Response.subdomain_based_buckets(request) else bool(path) and "/" not in path


def _unless_refused(self: Any, request: Any, bucket_name: str) -> Any:
    if refusal := request.environ.get(REFUSAL):
        raise refusal
    return _bucket_response_post(self, request, bucket_name)


def _within_policy(self: Any, request: Any, full_url: str) -> Any:
    form = request.environ.get(FORM)
    if form is None:
        return _key_response(self, request, full_url)
    form.check()
    form.check_signature()
    status, headers, body = _key_response(self, request, full_url)
    return form.answer(request, headers) if status == HTTPStatus.OK else (status, headers, body)


# ─── Forms ───


@dataclass(frozen=True)
class _Form:
    """What a form says, by lower-case names and with its variables expanded, and its file."""

    bucket: str
    fields: dict[str, str]
    file: bytes

    def check(self) -> None:
        """Check the form against its policy; an anonymous one needs none.

        Raises:
            Refusal: its policy does not allow it.
        """
        policy = self.fields.get("policy")
        if policy is None and not _SIGNATURE.isdisjoint(self.fields):
            raise Refusal(400, "InvalidArgument", "Bucket POST must contain a field named 'policy'.")
        if policy is None:
            return
        try:
            post_policy.check(policy, self.fields | {"bucket": self.bucket}, len(self.file))
        except post_policy.PostPolicyError as error:
            raise Refusal(error.status, error.code, str(error)) from error

    def check_signature(self) -> None:
        """Check who has signed the policy.

        Raises:
            Refusal: nobody that is known.
        """
        try:
            signatures.check_form(self.fields, admission.secret_of)
        except signatures.Refused as refused:
            raise Refusal(refused.status, refused.code, str(refused)) from refused

    def answer(self, request: Any, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Return the answer to the form, from the headers of that to the PUT."""
        key, etag = self.fields["key"], next(headers[name] for name in headers if name.lower() == "etag")
        kept = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
        place = self.fields.get("success_action_redirect") or self.fields.get("redirect")
        if place:
            added = {"bucket": self.bucket, "key": key, "etag": etag}
            url = urlsplit(place)
            query = urlencode(
                [*parse_qsl(url.query, keep_blank_values=True), *added.items()], quote_via=quote
            )
            return 303, kept | {"Location": url._replace(query=query).geturl()}, b""
        place = f"{request.url_root.rstrip('/')}{_path(request, self)}"
        status = _STATUSES.get(self.fields.get("success_action_status", ""), HTTPStatus.NO_CONTENT)
        body = b""
        if status == HTTPStatus.CREATED:
            parts = {"Location": place, "Bucket": self.bucket, "Key": key, "ETag": etag}
            text = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parts.items())
            body = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{text}</PostResponse>'.encode()
            kept["content-type"] = "application/xml"
        return status, kept | {"Location": place}, body


def _read(request: Any, bucket: str) -> _Form:
    """Read the form up to its file: what follows that is ignored.

    Raises:
        Refusal: it is not a form, or lacks its key or its file.
    """
    if request.mimetype != "multipart/form-data":
        message = "Bucket POST must be of the enclosure-type multipart/form-data"
        raise Refusal(412, "PreconditionFailed", f"At least one of the pre-conditions failed: {message}")
    fields, file, filename = _decode(request)
    if authorization := _authorization(fields):
        request.environ["HTTP_AUTHORIZATION"] = authorization  # who sends it, also if it is refused
    if not fields.get("key"):
        message = "Bucket POST must contain a field named 'key'."
        message += "  If it is specified, please check the order of the fields."
        raise Refusal(400, "InvalidArgument", message)
    if file is None:
        raise Refusal(400, "InvalidArgument", "POST requires exactly one file upload per request.")
    # Of a path, as some browsers give it, the name alone.
    base = filename.replace("\\", "/").rpartition("/")[2]
    expanded = {
        name: value if name == "policy" else value.replace("${filename}", base)
        for name, value in fields.items()
    }
    return _Form(bucket, expanded, file)


def _decode(request: Any) -> tuple[dict[str, str], bytes | None, str]:
    fields: dict[str, str] = {}
    try:
        decoder = MultipartDecoder(request.mimetype_params["boundary"].encode())
        decoder.receive_data(request.get_data())
        decoder.receive_data(None)
        while not isinstance(event := decoder.next_event(), Epilogue):
            if not isinstance(event, Field | File):
                continue
            content = _content(decoder)
            if event.name.lower() == "file":
                return fields, content, getattr(event, "filename", "")
            fields[event.name.lower()] = content.decode()
    except (AttributeError, KeyError, ValueError, RequestEntityTooLarge) as error:
        message = "The body of your POST request is not well-formed multipart/form-data."
        raise Refusal(400, "MalformedPOSTRequest", message) from error
    return fields, None, ""


def _content(decoder: MultipartDecoder) -> bytes:
    content = bytearray()
    while isinstance(event := decoder.next_event(), Data):
        content += event.data
        if not event.more_data:
            return bytes(content)
    raise ValueError("a part does not end")


# ─── The PUT ───


def _path(request: Any, form: _Form) -> str:
    bucket = "" if S3Response.subdomain_based_buckets(request) else f"/{form.bucket}"
    return f"{bucket}/{quote(form.fields['key'])}"


def _as_put(request: Any, form: _Form) -> dict[str, Any]:
    """Return the WSGI environment of the PUT of a form's object."""
    kept = {
        key: value
        for key, value in request.environ.items()
        if not key.startswith(("HTTP_X_AMZ_", "CONTENT_", "werkzeug."))
    }
    raw_path = _path(request, form)
    headers = dict(_headers(form.fields))
    return kept | {
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": _raw_text(raw_path.rpartition(quote(form.fields["key"]))[0] + form.fields["key"]),
        "QUERY_STRING": "",
        "RAW_URI": raw_path,
        "REQUEST_URI": raw_path,
        "CONTENT_LENGTH": str(len(form.file)),
        "wsgi.input": io.BytesIO(form.file),
        PRESERVED_HEADER_NAMES_ENVIRON_KEY: {
            environ_key_for_header(name): name
            for name in headers
            if should_preserve_original_header_name(name)
        },
        SENT_AS: ("POST", request.environ["RAW_URI"]),
        FORM: form,
        **{environ_key_for_header(name): _raw_text(value) for name, value in headers.items()},
    }


def _headers(fields: dict[str, str]) -> Any:
    for name, value in fields.items():
        if name in _HEADERS or (name.startswith("x-amz-") and name not in _SIGNATURE):
            yield name, value
    if "acl" in fields:
        yield "x-amz-acl", fields["acl"]
    if "tagging" in fields:
        yield "x-amz-tagging", _tags(fields["tagging"])


def _authorization(fields: dict[str, str]) -> str | None:
    """Return the header that says what the fields of a form say of its sender."""
    if credential := fields.get("x-amz-credential"):
        signature = fields.get("x-amz-signature", "")
        return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature={signature}"
    if key_id := fields.get("awsaccesskeyid"):
        return f"AWS {key_id}:{fields.get('signature', '')}"
    return None


def _tags(document: str) -> str:
    """Write the tags of an XML document as a header has them."""
    tagging = xmltodict.parse(document, force_list=("Tag",))["Tagging"]
    tags = ((tagging or {}).get("TagSet") or {}).get("Tag", [])
    return urlencode([(tag["Key"], tag["Value"] or "") for tag in tags])


def _raw_text(text: str) -> str:
    """Return text as WSGI has it: each character is a byte of its UTF-8."""
    return text.encode().decode("latin-1")
