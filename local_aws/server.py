"""The HTTP server: finds out which service a request is for, and answers in that service's way, errors included."""

from __future__ import annotations

import fcntl
import io
import json
import logging
import signal
import socket
import sys
import threading
import urllib.parse
from contextlib import suppress
from typing import Any

from moto.moto_server.werkzeug_app import (
    SIGNING_ALIASES,
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wrappers import Request, Response

from local_aws import __version__, console, door, sagemaker
from local_aws.cloudwatch import alarms
from local_aws.glue import api as glue
from local_aws.kernel import disk, errors, logs
from local_aws.kernel.config import Caller, Config
from local_aws.kernel.errors import AwsError
from local_aws.s3.app import S3App
from local_aws.s3.http import request_body
from local_aws.s3.store import S3Store

log = logging.getLogger("local_aws")

# What the credential scope calls the services that are offered. Others are refused rather than half answered.
SERVICES = frozenset("s3 glue sagemaker iam sts monitoring logs sns sqs events secretsmanager ssm kms".split())  # noqa: SIM905


class Application:
    """The WSGI application. Executing services plug in through `install(config)` of their module."""

    def __init__(self, config: Config):
        self.config = config
        logs.configure(config.state_dir, config.region)
        store = S3Store(config.state_dir)
        self.s3 = S3App(store, config.region)
        self.moto = DomainDispatcherApplication(_create_moto_app)
        self.console = console.Console(config, store)
        self.door = door.Door({config.host, *config.names}, config.token)
        glue.install(config, store)
        sagemaker.install(config, store)
        alarms.install(config)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        service, region = identify(request, self.config.region)
        try:
            response = self.refuse(request, service) or self.answer(request, service, Caller(region))
            if response is None:
                response = self.ask_moto(request, service, region)
        except Exception as error:  # noqa: BLE001  the one place where every failure becomes an AWS error
            response = self.explain(request, service, error)
        door.close(response)
        return response(environ, start_response)

    def refuse(self, request: Request, service: str) -> Response | None:
        page = request.method in ("GET", "HEAD") and (service == "s3" or is_own_page(request.path))
        problem = self.door.refusal(request, page)
        if problem is None and request.path != "/_health" and not self.door.knows(request):
            problem = door.unknown(request)
        if problem is None:
            return None
        log.warning("%s %s: %s", request.method, request.path, problem.message)
        request_body(request).drain()  # a client that still sends would see a reset connection, not the answer
        return self.explain(request, service, problem)

    def answer(self, request: Request, service: str, caller: Caller) -> Response | None:
        """The answer of what is built here; None for moto's services."""
        path = request.path
        if path == "/_health":
            return self.health(self.door.knows(request))
        if is_own_page(path):
            return self.console(request)
        if service == "s3":
            return self.s3(request)
        if service not in SERVICES:
            raise errors.unsupported(f"the service {service}")
        for name, pattern, handler in self.config.http_handlers:
            if name == service and (match := pattern.fullmatch(path)):
                return handler(request, match)
        operation = self.config.operations.get(request.headers.get("X-Amz-Target", ""))
        if operation is None:
            return None
        result = operation(json.loads(request.get_data() or b"{}"), caller)
        if result is None:
            return None
        return Response(json.dumps(result, default=str), content_type="application/x-amz-json-1.1")

    def ask_moto(self, request: Request, service: str, region: str) -> Response:
        body = request.get_data()  # read here and put back, so that an error can still name the API
        request.environ["wsgi.input"] = io.BytesIO(body)
        request.environ["CONTENT_LENGTH"] = str(len(body))
        response = Response.from_app(self.moto, request.environ)
        if response.status_code < 300 and (after := self.config.after_moto.get(service)):
            after(request.headers.get("X-Amz-Target", ""), region)
        return response

    def explain(self, request: Request, service: str, error: Exception) -> Response:
        """An exception as the service's own kind of error. A 5xx, which is retried, only where nothing was done."""
        if not isinstance(error, AwsError):
            api = api_name(request, service)
            if isinstance(error, NotImplementedError):
                error = errors.unsupported(api)
            elif disk.is_full(error):
                log.warning("%s: %s", api, error)
                error = disk.refusal(error)
            else:
                log.exception("%s failed", api)
                error = AwsError("InternalFailure", f"local_aws failed in {api}: {type(error).__name__}: {error}")
        if service == "s3":
            return errors.s3_response(error, request.path)
        if request.mimetype == "application/x-www-form-urlencoded":
            return errors.query_response(error)
        return errors.json_response(error)

    def health(self, with_jobs: bool) -> Response:
        listings = self.config.jobs.values() if with_jobs else ()
        jobs = [job for listing in listings for job in listing() if job.running]
        body = {
            "status": "ok",
            "version": __version__,
            "services": sorted(SERVICES),
            "running_jobs": [{"service": j.service, "kind": j.kind, "name": j.name, "status": j.status} for j in jobs],
        }
        return Response(json.dumps(body), content_type="application/json")

    def close(self) -> None:
        disk.give_up()
        for stop in reversed(self.config.on_shutdown):
            try:
                stop()
            except Exception:
                log.exception("while stopping")
        logs.flush()


def is_own_page(path: str) -> bool:
    return path in ("/_health", "/_console") or path.startswith("/_console/")


def identify(request: Request, default_region: str) -> tuple[str, str]:
    """(service, region) by the credential scope of header or query, else by the target; unsigned means S3."""
    scope = request.headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0]
    scope = scope or request.args.get("X-Amz-Credential", "")
    parts = scope.split("/")
    if len(parts) == 5:
        service = parts[3].lower()
        return SIGNING_ALIASES.get(service, service), parts[2]
    if target := request.headers.get("X-Amz-Target"):
        names = {"AWSGlue": "glue", "SageMaker": "sagemaker", "Logs_20140328": "logs", "AmazonSSM": "ssm"}
        return names.get(target.partition(".")[0], target.partition(".")[0]), default_region
    if request.method == "POST" and request.mimetype == "application/x-www-form-urlencoded":
        return "sts", default_region
    return "s3", default_region


def api_name(request: Request, service: str) -> str:
    if target := request.headers.get("X-Amz-Target"):
        return f"{service} {target.rpartition('.')[2]}"
    if request.mimetype == "application/x-www-form-urlencoded":
        action = urllib.parse.parse_qs(request.get_data(as_text=True)).get("Action", ["?"])[0]
        return f"{service} {action}"
    return f"{service} {request.method} {request.path}"


def _create_moto_app(service: Any) -> Any:
    app = create_backend_app(service)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


class RequestHandler(MotoRequestHandler):
    """One request per connection (moto's handler keeps header names with underscores)."""

    timeout = 600  # seconds without a byte, after which a dead client's thread is given back

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        logging.getLogger("local_aws.access").debug("%s %s", self.requestline, code)


class Server(ThreadedWSGIServer):
    """A thread per request; they end with the process."""

    daemon_threads = True
    request_queue_size = 128


def serve(config: Config) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    lock = (config.state_dir / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"another local_aws uses the state folder {config.state_dir}")
    try:
        listener = socket.create_server((config.host, config.port), backlog=Server.request_queue_size)
    except OSError as error:
        sys.exit(f"cannot listen on {config.host}:{config.port}: {error.strerror}")
    config.port = listener.getsockname()[1]
    application = Application(config)
    server = Server(config.host, config.port, application, handler=RequestHandler, fd=listener.fileno())
    stopping = threading.Event()

    def stop(number: int, frame: Any) -> None:
        if not stopping.is_set():
            stopping.set()
            # shutdown() waits for serve_forever(), which this very thread is in
            threading.Thread(target=server.shutdown, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with suppress(OSError):  # a full disk
        print(f"local_aws {__version__} on {config.endpoint_url}, console {config.endpoint_url}/_console/", flush=True)
    server.serve_forever(poll_interval=0.1)
    application.close()
    server.server_close()
    return 0
