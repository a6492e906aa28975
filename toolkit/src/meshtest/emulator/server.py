"""The emulator's process: moto's backends behind two listeners, HTTP and HTTPS, on loopback only.

moto's own server (werkzeug's) closes the connection after every response, which makes each call over
HTTPS pay for a handshake. So moto's WSGI applications run under cheroot here, which keeps connections.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import re
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn
from xml.sax.saxutils import escape

from cheroot.makefile import StreamReader, StreamWriter
from cheroot.server import HTTPConnection
from cheroot.ssl import Adapter
from cheroot.wsgi import Gateway_10, Server
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from meshtest.emulator import (
    ALREADY_RUNNING,
    FLUSH_ACCESS_LOGS,
    EmulatorError,
    Endpoint,
    admission,
    answers,
    certificates,
    constraints,
    endpoint_file,
    gaps,
    hold,
    masking,
    request_body,
    signatures,
    write_credentials,
)
from meshtest.emulator.locks import lock_of

HOST = "127.0.0.1"
THREADS = 24  # of each listener at first; a connection takes one only while a request of it is under way
MOST_THREADS = 1000  # what slow clients take is added, up to this
IDLE_TIMEOUT_S = 60
SHUTDOWN_GRACE_S = 8.0
# What the domain uses, made ready right after start-up so that no first call has to wait for imports.
WARMED = ("s3", "sts", "iam", "kms", "glue", "logs", "stepfunctions", "ec2")
# Calls that wait for something else: they must not hold their service's lock meanwhile.
WAITING = frozenset({"AWSStepFunctions.StartSyncExecution", "AWSStepFunctions.GetActivityTask"})
# moto's models are not thread-safe and some checks must be atomic with what they guard (conditional
# writes in S3, Iceberg's commits in Glue), so calls to these services run one at a time.
SERIALISED = frozenset(WARMED)

# For the log: the call of a service with a query protocol (EC2, IAM, STS).
_FORM = "application/x-www-form-urlencoded"
_ACTION = re.compile(rb"(?:.*&)?Action=(\w+)")
_SIGNED_URL = re.compile(r"(?:^|&)(?:X-Amz-Signature|Signature)=")

_EC2_DENIAL = "You are not authorized to perform this operation. "

log = logging.getLogger("meshtest.emulator")
_current: Endpoint | None = None
_shutdown_callbacks: list[Callable[[], None]] = []


def current_endpoint() -> Endpoint:
    """The endpoint of the server that this code runs in (for gaps that call back into it).

    Raises:
        EmulatorError: this process is not an emulator's.
    """
    if _current is None:
        raise EmulatorError("this process is not the emulator's server")
    return _current


def on_shutdown(callback: Callable[[], None]) -> None:
    """Have ``callback`` called once when the server ends in an orderly way, to end what it started."""
    _shutdown_callbacks.append(callback)


# ─── Application ───


class Application:
    """moto's backends as one WSGI application, with this project's gaps closed."""

    def __init__(self) -> None:
        self._dispatcher = _Dispatcher(_create_app)
        self._answers = answers.Answers()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request; what moto fails on becomes the service's InternalFailure, and a log entry."""
        environ["meshtest.received"] = started = time.monotonic()
        status = "-"

        def record_status(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status
            status = line[:3]
            return start_response(line, headers, exc_info)

        try:
            admission.check_address(environ)
            _read_body(environ)
            app = self._authenticated(environ)
            if environ["REQUEST_METHOD"] in answers.CHANGING:
                return self._answer_once(app, environ, record_status)
            return self._answer(app, environ, record_status)
        except signatures.Refused as refused:
            return _refusal(environ, record_status, refused)
        except constraints.Invalid as invalid:
            return _failure(environ, record_status, "400 Bad Request", invalid.code, str(invalid))
        except request_body.IncompleteBody as error:
            return _failure(environ, record_status, "400 Bad Request", "IncompleteBody", str(error))
        except Exception as error:
            log.exception("internal failure")
            message = f"{type(error).__name__}: {error}"
            return _failure(environ, record_status, "500 Internal Server Error", "InternalFailure", message)
        finally:
            log.info("%s %s %.0f ms", status, _describe(environ), 1000 * (time.monotonic() - started))

    def warm(self) -> None:
        """Build the applications of the services that the domain uses."""
        for service in WARMED:
            self._dispatcher.get_application(_request_for(service))

    def _authenticated(self, environ: dict[str, Any]) -> Any:
        """Return the application of the service that a request is for, once its signature is checked.

        Raises:
            Refused: nobody that is known has signed it, or who has may not do it.
        """
        app = None if environ["PATH_INFO"] == FLUSH_ACCESS_LOGS else self._dispatcher.get_application(environ)
        environ["meshtest.service"] = service = getattr(app, "service", "meshtest")
        body = environ["wsgi.input"].getvalue()
        admission.check_signature(environ, body, service)
        if service in constraints.SERVICES and (target := environ.get("HTTP_X_AMZ_TARGET")):
            constraints.check(service, target, body)
        if service not in ("meshtest", "s3"):  # S3 has bucket policies: gaps/s3_bucket_policies.py
            from meshtest.emulator import enforcement  # with parts of moto, for which start-up must not wait

            enforcement.check(environ, body, service)
        return app

    def _answer_once(
        self, app: Any, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Do what a call asks for, unless an earlier attempt of it has: then its answer is given again."""
        answer = self._answers.earlier(environ)
        if answer is None:
            begun: list[Any] = []
            parts = self._answer(app, environ, lambda *start: begun.append(start))
            with contextlib.ExitStack() as ended:
                if hasattr(parts, "close"):
                    ended.callback(parts.close)
                body = b"".join(parts)
            line, headers, *_ = begun[-1]
            answer = (line, headers, body)
            self._answers.keep(environ, answer)
        line, headers, body = answer
        start_response(line, headers)
        return [body]

    def _answer(
        self, app: Any, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if app is None:
            return _flush_access_logs(start_response)
        with self._lock_of(app.service, environ):
            answer: Iterable[bytes] = app(environ, start_response)
        return answer

    def _lock_of(self, service: str, environ: dict[str, Any]) -> contextlib.AbstractContextManager[Any]:
        if service in SERIALISED and environ.get("HTTP_X_AMZ_TARGET") not in WAITING:
            return lock_of(service)
        return contextlib.nullcontext()


class _Dispatcher(DomainDispatcherApplication):
    """moto's choice of the service, which takes the object of an unsigned PUT for a call to another one."""

    def _get_body(self, environ: dict[str, Any]) -> str | None:
        return super()._get_body(environ) if _may_be_query(environ) else None


def _flush_access_logs(start_response: Callable[..., Any]) -> list[bytes]:
    from meshtest.emulator.gaps import s3_access_logs

    s3_access_logs.flush()
    start_response("204 No Content", [])
    return []


def _create_app(service: Any) -> Any:
    gaps.install(service)
    return create_backend_app(service)


def _read_body(environ: dict[str, Any]) -> None:
    """Take in the whole body before any lock is held, and before an error could be answered without it.

    moto keeps objects in memory anyway, and a connection can only be reused once its body is read.

    Raises:
        IncompleteBody: the connection ended before the body did.
    """
    body = request_body.read(environ["wsgi.input"])
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["wsgi.input"] = io.BytesIO(body)
    if _may_be_query(environ) and (action := _ACTION.match(body)):
        environ["meshtest.action"] = action[1].decode()
    if body or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(len(body))


def _may_be_query(environ: dict[str, Any]) -> bool:
    """Return whether the body of a request can be a call by a query protocol, and no object of S3."""
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ.get("CONTENT_TYPE", "").startswith(_FORM)
        and not _SIGNED_URL.search(environ.get("QUERY_STRING", ""))
    )


def _request_for(service: str) -> dict[str, Any]:
    signing_name = {"stepfunctions": "states"}.get(service, service)
    region = current_endpoint().region
    scope = f"AWS4-HMAC-SHA256 Credential=-/20000101/{region}/{signing_name}/aws4_request"
    return {"HTTP_AUTHORIZATION": scope, "PATH_INFO": "/", "HTTP_HOST": HOST}


def _refusal(
    environ: dict[str, Any], start_response: Callable[..., Any], refused: signatures.Refused
) -> list[bytes]:
    """Answer a request that is not let in, in the form of its service."""
    service = environ.get("meshtest.service", "s3")
    code, message = refused.code, str(refused)
    status = f"{refused.status} {'Forbidden' if refused.status == 403 else 'Bad Request'}"
    of_json, of_query = signatures.OTHER_CODES.get(code, (code, code))
    if environ.get("HTTP_X_AMZ_TARGET"):
        return _failure(environ, start_response, "400 Bad Request", of_json, message)
    if service == "s3":
        return _failure(environ, start_response, status, code, message)
    text = f"<Code>{of_query}</Code><Message>{escape(message)}</Message>"
    body = f"<ErrorResponse><Error><Type>Sender</Type>{text}</Error></ErrorResponse>"
    if service == "ec2":
        if code == signatures.NOT_AUTHORIZED:
            text = f"<Code>UnauthorizedOperation</Code><Message>{escape(_EC2_DENIAL + message)}</Message>"
        body = f"<Response><Errors><Error>{text}</Error></Errors></Response>"
    start_response(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(body.encode())))])
    return [body.encode()]


def _failure(
    environ: dict[str, Any], start_response: Callable[..., Any], status: str, code: str, message: str
) -> list[bytes]:
    if environ.get("HTTP_X_AMZ_TARGET"):
        body = json.dumps({"__type": code, "message": message}).encode()
        kind = "application/x-amz-json-1.1"
    else:
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
        kind = "application/xml"
    if environ["REQUEST_METHOD"] == "HEAD":
        body = b""
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def _describe(environ: dict[str, Any]) -> str:
    what = environ.get("HTTP_X_AMZ_TARGET") or environ.get("meshtest.action") or environ.get("RAW_URI", "")
    number = answers.attempt(environ)
    again = f" (attempt {number})" if number > 1 else ""
    return f"{environ['wsgi.url_scheme']} {environ['REQUEST_METHOD']} {what}{again}"


# ─── Listeners ───


class _Gateway(Gateway_10):
    """cheroot's WSGI gateway, with the environment that moto and the policy evaluator rely on."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        target = self.req.uri.decode("latin-1")
        path = target.split("?", 1)[0]
        # What the socket is decides, never what the client says: no header may turn HTTP into HTTPS.
        tls = self.req.conn.tls_version
        environ |= {
            "PATH_INFO": urllib.parse.unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
            "RAW_URI": target,
            "REQUEST_URI": target,
            "wsgi.url_scheme": "https" if tls else "http",
            "meshtest.tls_version": tls,
            "meshtest.tls_cipher": self.req.conn.socket.cipher()[0] if tls else None,
        }
        return environ | self._underscored_headers(environ)

    def _underscored_headers(self, environ: dict[str, Any]) -> dict[str, Any]:
        """Keep ``x-amz-meta-a_b`` apart from ``x-amz-meta-a-b``, as moto's own request handler does."""
        names = [name.decode("latin-1") for name in self.req.inheaders]
        dashed = {environ_key_for_header(name) for name in names if "_" not in name}
        for name in names:
            key = environ_key_for_header(name)
            if "_" in name and key not in dashed and not should_preserve_original_header_name(name):
                environ.pop(key, None)
        kept = {
            environ_key_for_header(name): name
            for name in names
            if should_preserve_original_header_name(name) and environ_key_for_header(name) not in dashed
        }
        return {PRESERVED_HEADER_NAMES_ENVIRON_KEY: kept}


class _Connection(HTTPConnection):
    """A connection that does its TLS handshake in a worker, so that no client can stall the listener."""

    tls_version: str | None = None

    def communicate(self) -> bool:
        if isinstance(self.socket, ssl.SSLSocket) and self.tls_version is None and not self._handshake():
            return False
        kept: bool = super().communicate()  # type: ignore[no-untyped-call]
        return kept

    def _handshake(self) -> bool:
        try:
            self.socket.do_handshake()
        except OSError as error:
            log.warning("no TLS handshake with %s: %s", self.remote_addr, error)
            if "http request" in str(error).lower():
                self._refuse_plain_http()
            return False
        self.tls_version = self.socket.version()
        return True

    def _refuse_plain_http(self) -> None:
        message = b"This port speaks HTTPS only.\n"
        head = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        head += b"Content-Length: %d\r\n\r\n" % len(message)
        with contextlib.suppress(OSError):
            socket.socket.send(self.socket, head + message)  # past the TLS layer that failed


class _TlsAdapter(Adapter):
    """Wrap accepted sockets without waiting for the client."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def bind(self, sock: Any) -> Any:
        return sock

    def wrap(self, sock: Any) -> tuple[Any, dict[str, Any]]:
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), {}

    def get_environ(self) -> dict[str, Any]:
        return {}

    def makefile(self, sock: Any, mode: str = "r", bufsize: int = -1) -> Any:
        return (StreamReader if "r" in mode else StreamWriter)(sock, mode, bufsize)


class _Listener(Server):
    """One listener, threaded, with persistent connections."""

    ConnectionClass = _Connection
    keep_alive_conn_limit = 1000

    def __init__(self, port: int, application: Application, context: ssl.SSLContext | None) -> None:
        super().__init__(
            (HOST, port),
            application,
            numthreads=THREADS,
            server_name="meshtest",
            request_queue_size=128,
            timeout=IDLE_TIMEOUT_S,
            shutdown_timeout=1,
        )
        self.gateway = _Gateway
        if context:
            self.ssl_adapter = _TlsAdapter(context)

    def process_conn(self, conn: Any) -> None:
        """Hand a connection to a worker; if all are taken, by clients that are slow, to a new one.

        A worker waits for what a client sends: thirty that send nothing must not keep the others out.
        """
        pool = self.requests
        if pool.idle <= pool.qsize and len(pool._threads) < MOST_THREADS:
            pool.grow(1)
        super().process_conn(conn)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        log.log(level, msg, exc_info=traceback)

    @property
    def port(self) -> int:
        """The port in use, also if any free one was asked for."""
        return int(self.bind_addr[1])


def _listen_on_both(
    http_port: int, https_port: int, application: Application, context: ssl.SSLContext
) -> list[_Listener]:
    plain = _listen(http_port, application, None)
    try:
        return [plain, _listen(https_port, application, context)]
    except EmulatorError:
        plain.stop()  # its threads would keep the process
        raise


def _listen(port: int, application: Application, context: ssl.SSLContext | None) -> _Listener:
    listener = _Listener(port, application, context)
    try:
        listener.prepare()
    except OSError as error:
        if error.errno != errno.EADDRINUSE and not _names_a_busy_address(error):
            raise
        option = "--https-port" if context else "--http-port"
        raise EmulatorError(
            f"port {port} of {HOST} is in use: end the program that holds it, "
            f"or name another ({option} N; 0 takes any)"
        ) from error
    return listener


def _names_a_busy_address(error: OSError) -> bool:
    return os.strerror(errno.EADDRINUSE) in str(error)


# ─── Process ───


def serve(state_dir: Path, http_port: int, https_port: int, *, die_with_stdin: bool = False) -> int:
    """Serve until SIGTERM or SIGINT, and end the process; returns only if another one serves there already.

    Raises:
        EmulatorError: a port is in use.
    """
    global _current
    held = _hold_patiently(state_dir)
    if held is None:
        print(f"{state_dir} already has an emulator", flush=True)
        return ALREADY_RUNNING
    _configure_process()
    state_dir.chmod(0o700)
    os.umask(0o077)  # runs and their logs are this user's alone
    endpoint_file(state_dir).unlink(missing_ok=True)
    key_id, secret = write_credentials(state_dir)
    os.environ |= {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
    context = certificates.server_context(state_dir / "ca.pem", state_dir / "truststore.p12")
    application = Application()
    listeners = _listen_on_both(http_port, https_port, application, context)
    _current = _endpoint(state_dir, listeners[0].port, listeners[1].port, key_id, secret)
    os.environ["MOTO_PORT"] = str(listeners[0].port)
    stop_requested, request_stop = _stop_requests()
    if die_with_stdin:
        threading.Thread(target=_stop_at_end_of_stdin, args=(request_stop,), daemon=True).start()
    for listener in listeners:
        threading.Thread(target=listener.serve, daemon=True).start()
    _announce(_current)
    threading.Thread(target=application.warm, daemon=True).start()
    os.read(stop_requested, 1)
    return _shut_down(listeners, state_dir)


def _hold_patiently(state_dir: Path) -> Any:
    """Take the state directory's lock, over the instants in which a client looks whether it is held."""
    for _ in range(25):
        if held := hold(state_dir):
            return held
        time.sleep(0.02)
    return None


def _configure_process() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(masking.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _endpoint(state_dir: Path, http_port: int, https_port: int, key_id: str, secret: str) -> Endpoint:
    return Endpoint(
        access_key_id=key_id,
        secret_access_key=secret,
        http=f"http://{HOST}:{http_port}",
        https=f"https://{HOST}:{https_port}",
        pid=os.getpid(),
        state_dir=state_dir.resolve(),
        ca_bundle=state_dir.resolve() / "ca.pem",
        truststore=state_dir.resolve() / "truststore.p12",
    )


def _announce(endpoint: Endpoint) -> None:
    """Write endpoint.json in one step: a reader sees all of it or nothing."""
    described = {name: getattr(endpoint, name) for name in ("http", "https", "pid", "account_id", "region")}
    described |= {"ca_bundle": str(endpoint.ca_bundle), "truststore": str(endpoint.truststore)}
    target = endpoint_file(endpoint.state_dir)
    draft = target.with_suffix(".json.new")
    draft.write_text(json.dumps(described, indent=2) + "\n")
    draft.replace(target)
    log.info("ready after %.2f s of CPU: %s and %s", time.process_time(), endpoint.http, endpoint.https)


def _stop_requests() -> tuple[int, int]:
    """Make a pipe that gets a byte with every request to stop: SIGTERM, SIGINT, or a writer of our own.

    Not an Event: a signal handler that sets one can meet the main thread inside of it, and hang.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return read_end, write_end


def _stop_at_end_of_stdin(write_end: int) -> None:
    """The parent holds the other end of the pipe: it closes however the parent ends, kill -9 included."""
    while os.read(0, 4096):
        pass
    os.write(write_end, b"\0")


def _shut_down(listeners: list[_Listener], state_dir: Path) -> NoReturn:
    """End the process in an orderly way, but end it: a thread that hangs must not keep it."""
    log.info("stopping")
    watchdog = threading.Timer(SHUTDOWN_GRACE_S, os._exit, (1,))
    watchdog.daemon = True
    watchdog.start()
    endpoint_file(state_dir).unlink(missing_ok=True)
    for callback in _shutdown_callbacks:
        try:
            callback()
        except Exception:
            log.exception("shutdown callback failed")
    for listener in listeners:
        listener.stop()
    logging.shutdown()
    os._exit(0)  # the interpreter's own end waits for threads, and has hung on one that was importing
