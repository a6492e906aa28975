"""Objects and documents are the bytes that were sent, whatever Content-Type says.

moto 5.2.5 lacks: that. It parses a body whose Content-Type is that of a form, stores an empty object, and
takes the form's fields for parameters of the call.
"""

from __future__ import annotations

from typing import Any

from moto.s3.responses import S3Response
from werkzeug.datastructures import ImmutableMultiDict

_setup_class = S3Response.setup_class


def install() -> None:
    """Take the body before anything can parse it."""
    response: Any = S3Response
    response.setup_class = _with_raw_body


def _with_raw_body(self: Any, request: Any, *arguments: Any, **named: Any) -> None:
    request.get_data()
    request.form = request.files = ImmutableMultiDict()
    _setup_class(self, request, *arguments, **named)
