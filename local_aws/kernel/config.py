"""What every part of the server shares: where things are, and what the services plug into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from re import Match, Pattern

from werkzeug.wrappers import Request, Response

from local_aws.kernel.state import Record

ACCOUNT_ID = "123456789012"
#: What a quota can be set on: definitions of Glue jobs, their runs at a time, SageMaker's jobs of each kind at a time.
QUOTAS = ("glue-jobs", "glue-runs", "training-jobs", "processing-jobs", "transform-jobs")

Operation = Callable[[Record, "Caller"], Record | None]
HttpHandler = Callable[[Request, Match[str]], Response]


@dataclass(frozen=True)
class Caller:
    """Who asks: the region of the request's credential scope."""

    region: str
    account_id: str = ACCOUNT_ID


@dataclass(frozen=True)
class JobView:
    """One job run as the console shows it. Its page is /_console/<service>/<kind>/<name>."""

    service: str
    kind: str
    name: str
    status: str
    started: float  # epoch seconds
    seconds: float | None
    reason: str
    description: Record
    logs: tuple[tuple[str, str], ...]  # (log group, log stream)
    running: bool = False


@dataclass
class Config:
    """Settings of one server and the registry that its services fill in `install(config)`.

    operations     "AWSGlue.StartJobRun" (the X-Amz-Target header) -> function(params, caller) -> result;
                   raises errors.AwsError. What is not here, or answers None, goes to moto.
    http_handlers  (service, pattern of the path, handler) for services that route by path.
    jobs           service -> function giving the JobViews, newest first.
    after_moto     service -> function(target, region), called after moto answered a request with success.
    on_shutdown    called once, in reverse order, when the server stops: stop children, save state.
    """

    state_dir: Path
    runtimes_dir: Path
    host: str = "127.0.0.1"
    port: int = 4566
    region: str = "us-east-1"
    names: frozenset[str] = frozenset()  # host names it may be called by, besides this machine's own
    token: str = field(default="", repr=False)  # what clients must show; empty: nothing
    quotas: Mapping[str, int] = field(default_factory=dict)  # of QUOTAS; what is not here has none
    operations: dict[str, Operation] = field(default_factory=dict)
    http_handlers: list[tuple[str, Pattern[str], HttpHandler]] = field(default_factory=list)
    jobs: dict[str, Callable[[], list[JobView]]] = field(default_factory=dict)
    after_moto: dict[str, Callable[[str, str], None]] = field(default_factory=dict)
    on_shutdown: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state_dir = Path(self.state_dir).resolve()
        # not resolved through symlinks: a virtual environment's python must keep its own path
        self.runtimes_dir = Path(self.runtimes_dir).absolute()
        self.state_dir.mkdir(parents=True, exist_ok=True)
        for folder in self.state_dir.glob("*/"):  # an older version left them open to others
            with suppress(FileNotFoundError, PermissionError):
                folder.chmod(0o700)

    def used_up(self, quota: str, used: int) -> bool:
        return used >= self.quotas.get(quota, used + 1)

    @property
    def endpoint_url(self) -> str:
        """Where children of this server reach it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{host}:{self.port}"

    def child_environment(self, region: str | None = None) -> dict[str, str]:
        """The AWS settings a job finds, as its role would give them on AWS."""
        region = region or self.region
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            **({"AWS_SESSION_TOKEN": self.token} if self.token else {}),
        }
