"""A serving container that answers: started from a model's data, asked over HTTP."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_aws.kernel.processes import JobProcess
from local_aws.sagemaker.containers import Sandbox
from local_aws.sagemaker.models import ContainerSpec
from local_aws.sagemaker.objects import DataError, Objects

SERVER = Path(__file__).parent.parent / "sagemaker_runtime" / "serve.py"
START_TIMEOUT_SECONDS = 600.0

Starter = Callable[[Sequence[str], dict[str, str]], JobProcess]


class ServingError(Exception):
    """The container did not start or does not answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes

    @property
    def text(self) -> str:
        """The beginning of the body, for an error message."""
        return self.body[:300].decode("utf-8", "replace").strip()


class ModelServer:
    """One container; :meth:`invoke` may be called from many threads."""

    def __init__(
        self, sandbox: Sandbox, spec: ContainerSpec, objects: Objects, environment: Mapping[str, str] | None = None
    ) -> None:
        """`environment` is added to the model's own."""
        self._sandbox = sandbox
        self._spec = spec
        self._environment = {**spec.environment, **(environment or {})}
        self._objects = objects
        self._process: JobProcess | None = None
        self._port = 0
        self._local = threading.local()

    def start(self, launch: Starter, timeout_s: float = START_TIMEOUT_SECONDS) -> None:
        """Start the container and wait until it answers; else ServingError."""
        port_file = self._sandbox.directory / "port"
        command = [str(self._sandbox.python), "-P", str(SERVER), str(port_file)]
        self._process = launch(command, self._sandbox.environment(self._environment))
        deadline = time.monotonic() + timeout_s
        while not port_file.exists():
            if not self._process.running:
                raise ServingError("The container ended before it answered /ping, see its log")
            if time.monotonic() > deadline:
                self._process.stop(0)
                raise ServingError(f"The container did not answer /ping within {timeout_s:.0f} seconds")
            time.sleep(0.05)
        self._port = int(port_file.read_text())

    def invoke(self, body: bytes, headers: dict[str, str], timeout_s: float) -> Answer:
        """POST /invocations on this thread's own connection. ServingError when no answer comes in time."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout_s)
        try:
            connection.request("POST", "/invocations", body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.getheader("Content-Type", ""), response.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._local.connection = None
            raise ServingError(f"The container did not answer: {type(error).__name__}: {error}") from None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def stop(self, grace_s: float = 2.0) -> None:
        if self._process:
            self._process.stop(grace_s)
            self._process.wait(grace_s + 5)

    def prepare(self) -> None:
        """Unpack the model into a fresh container; else DataError."""
        model = self._sandbox.ml / "model"
        model.mkdir()
        data = self._spec.model_data
        if data and data.endswith("/"):
            self._objects.download(data, model)
        elif data:
            self._objects.extract(data, model)
        submit = self._environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "").strip('"')
        if submit.startswith("s3://"):
            code = model / "code"
            if code.exists():
                raise DataError("The model archive holds code/, and SAGEMAKER_SUBMIT_DIRECTORY names other code on S3")
            self._objects.extract(submit, code)
        self._sandbox.prepare_inputs(model / "code")


def error_message(answer: Answer) -> str:
    """One line about an HTTP error of the model."""
    try:
        text = json.loads(answer.body)["message"]
    except (ValueError, LookupError, TypeError):
        text = answer.text.partition("\n")[0]
    return f"Bad HTTP status received from algorithm: {answer.status}, {text}".rstrip(", ")
