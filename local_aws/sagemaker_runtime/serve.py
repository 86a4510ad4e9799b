"""Runs inside a SageMaker runtime as the container's `serve` command: /ping and /invocations on 127.0.0.1.

The model's ``code/inference.py`` is driven by the genuine sagemaker-inference Transformer (model_fn,
input_fn, predict_fn, output_fn or transform_fn). ``serve.py PORT_FILE`` writes its port there once the
model is loaded.
``SAGEMAKER_MODEL_SERVER_WORKERS`` processes share the port; each answers one request at a time.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sagemaker_inference import environment
from sagemaker_inference.transformer import Transformer


class Context:
    """What the toolkit wants to know of a request and tells of the answer (the model server's Context)."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.system_properties = {"model_dir": environment.model_dir, "gpu_id": None}
        self.status = 200
        self.content_type = "application/octet-stream"
        self.request_processor = [SimpleNamespace(get_request_properties=lambda: headers)]

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status = int(code)

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.content_type = value


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    transformer: Transformer
    busy = threading.Lock()

    def do_GET(self) -> None:
        status = 403 if self.is_from_a_page() else 200 if self.path == "/ping" else 404
        self.answer(status, b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.is_from_a_page():
            self.answer(403, b"", "text/plain")
            return
        if self.path != "/invocations":
            self.answer(404, b"", "text/plain")
            return
        headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if name in self.headers}
        context = Context(headers)
        with self.busy:
            results = self.transformer.transform([{"body": body}], context)
        data = results[0]
        if context.status >= 400:
            context.content_type = "text/plain"
            print(data, flush=True)
        self.answer(context.status, data if isinstance(data, bytes) else str(data).encode(), context.content_type)

    def is_from_a_page(self) -> bool:
        """Whether a browser asks: the server alone does, by this address and without the headers of a page."""
        host = self.headers.get("Host", "").partition(":")[0]
        return host != "127.0.0.1" or "Origin" in self.headers or "Sec-Fetch-Site" in self.headers

    def answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: a batch of a million records makes many."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener


def install_requirements(code: Path) -> None:
    path = code / "requirements.txt"
    if path.exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-r", str(path)], check=True)


def main(port_file: Path) -> None:
    code = Path(environment.code_dir)
    install_requirements(code)
    sys.path.insert(0, str(code))
    first = True
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    for _ in range(int(environment.Environment().model_server_workers or 1) - 1):
        if os.fork() == 0:
            first = False
            break
    transformer = Transformer()
    transformer.validate_and_initialize(model_dir=environment.model_dir)
    Handler.transformer = transformer
    if first:
        draft = port_file.with_suffix(".draft")
        draft.write_text(str(listener.getsockname()[1]))
        draft.replace(port_file)
    Server(listener).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
