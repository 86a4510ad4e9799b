"""The platform's long-running processes: one table of what each runs, with which settings, when it is well."""

from __future__ import annotations

import os
import signal
import time
from urllib.parse import urlsplit

import requests

from local_platform.environments import ROOT, RUNTIMES, runtime_python
from local_platform.running import database
from local_platform.running.processes import Service
from local_platform.settings import USERS, Platform

AIRFLOW = [str(runtime_python("airflow")), "-m", "airflow"]
MIGRATE = [*AIRFLOW, "db", "migrate"]


def aws_environment(platform: Platform) -> dict[str, str]:
    """How any AWS client finds the local AWS: nothing but the standard variables."""
    return {
        "AWS_ENDPOINT_URL": platform.aws_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        **({"AWS_SESSION_TOKEN": platform.aws_token} if platform.aws_token else {}),
    }


def airflow_environment(platform: Platform) -> dict[str, str]:
    secrets = platform.secrets()
    settings = {
        "bucket": platform.bucket,
        "execution_role_arn": "arn:aws:iam::123456789012:role/mortgage-sagemaker",
        "glue_role_arn": "arn:aws:iam::123456789012:role/mortgage-glue",
        "image_uri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
        "job_code_root": str(ROOT),
        "poll_seconds": "2",
        "lineage_url": f"file://{platform.state}/lineage/events.ndjson",
        "job_link": f"{platform.public_aws_url}/_console/{{service}}/{{kind}}/{{name}}",
        "log_link": f"{platform.public_aws_url}/_console/{{service}}/{{kind}}/{{name}}",
        "s3_object_link": f"{platform.public_aws_url}/{{bucket}}/{{key}}",
        "allowed_hosts": ",".join(_own_hosts(platform)),
        "s3_folder_link": f"{platform.public_aws_url}/_console/s3/{{bucket}}/{{key}}",
    }
    return {
        **aws_environment(platform),
        "AIRFLOW_HOME": str(platform.airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(platform.dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # Four tasks at once keep Airflow under 1 GB on a laptop; the jobs themselves run in the local AWS.
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{u}:{role}" for u, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(platform.airflow_home / "passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{platform.airflow_url}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.url(platform),
        "AIRFLOW__API__HOST": platform.bind,
        "AIRFLOW__API__PORT": str(platform.airflow_port),
        "AIRFLOW__API__BASE_URL": platform.public_airflow_url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secrets["api_secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets["jwt_secret"],
        # A scheduler that was killed must be noticed in seconds here, not in MWAA's five minutes.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "30",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        # A machine at its limit takes longer than Airflow's 30 and 50 seconds to import itself.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "180",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "240",
        # A changed file is read at once all the same; reading unchanged ones every few seconds took half a core.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        # Busy cores answer late: that is no reason to give a task up (and stop its job) or to think a DAG is gone.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
        "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "12",
        "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "600",
        # What every log of a task would begin with: how Airflow came to its file, and a warning about its own code.
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": (
            "airflow.dag_processing.bundles=WARNING airflow.dag_processing.dagbag=WARNING"
        ),
        "PYTHONWARNINGS": "ignore:GitWildMatchPattern:DeprecationWarning",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(platform.logs / "airflow"),
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        "PYTHONUNBUFFERED": "1",
        **{name: os.environ.get(name, value) for name, value in risk_settings(settings).items()},
    }


def _own_hosts(platform: Platform) -> list[str]:
    """What Airflow is called here: the loopback interface's names, and those of the addresses it was given."""
    given = {urlsplit(url).hostname or "" for url in (platform.airflow_url, platform.public_airflow_url)}
    return sorted({"127.0.0.1", "localhost", "*.localhost", "::1", *given})


def risk_settings(values: dict[str, str]) -> dict[str, str]:
    return {f"AIRFLOW__MORTGAGE_RISK__{key.upper()}": value for key, value in values.items()}


def services(platform: Platform) -> dict[str, Service]:
    """The processes in the order they start."""
    airflow = AirflowHealth(platform.airflow_url)

    def airflow_part(name: str, part: str, *options: str) -> Service:
        return Service(
            name,
            command=lambda: [*AIRFLOW, name, *options],
            env=lambda: airflow_environment(platform),
            healthy=lambda: airflow.of(part),
            needs=() if platform.given_database_url else ("postgres",),
        )

    table = [
        Service(
            "local-aws",
            command=lambda: local_aws_command(platform),
            env=lambda: {"PYTHONUNBUFFERED": "1"},
            healthy=lambda: _answers(f"{platform.aws_url}/_health"),
        ),
        Service(
            "postgres",
            command=lambda: database.command(platform),
            env=dict,
            healthy=lambda: database.ready(platform),
            stop_signal=signal.SIGINT,  # at once; SIGTERM would wait until its last client has gone
            clear_away=lambda: database.clear_away(platform),
        ),
        # They all see the same disk: nobody needs a log served, and that server listens on every address.
        airflow_part("api-server", "metadatabase"),
        airflow_part("scheduler", "scheduler", "--skip-serve-logs"),
        airflow_part("dag-processor", "dag_processor"),
        airflow_part("triggerer", "triggerer", "--skip-serve-logs"),
    ]
    return {s.name: s for s in table if s.name != "postgres" or not platform.given_database_url}


def local_aws_command(platform: Platform) -> list[str]:
    where = ["--host", platform.bind, "--port", str(platform.aws_port)]
    folders = ["--state-dir", str(platform.state / "local-aws"), "--runtimes-dir", str(RUNTIMES)]
    # In containers its clients call it by its service's name.
    names = [f"--allow-host={urlsplit(url).hostname}" for url in (platform.aws_url, platform.public_aws_url)]
    return [str(runtime_python("local-aws")), "-m", "local_aws", *where, *folders, *names]


def database_commands(name: str) -> list[list[str]]:
    """What a container runs before its service: containers start in any order, and one of them migrates."""
    if name == "local-aws":
        return []
    reach = [*AIRFLOW, "db", "check", "--retry", "60", "--retry-delay", "2"]
    wait = [*AIRFLOW, "db", "check-migrations", "--migration-wait-timeout", "300"]
    return [reach, MIGRATE if name == "api-server" else wait]


class AirflowHealth:
    """What Airflow's API says of the parts, asked once for all that want to know within a second."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/v2/monitor/health"
        self._read_at = float("-inf")
        self._parts: dict[str, str] | None = None

    def of(self, part: str) -> bool | None:
        if time.monotonic() - self._read_at > 1:
            self._parts = self._read()
            self._read_at = time.monotonic()
        if part == "metadatabase":  # the API's own
            return self._parts is not None and self._parts.get(part) == "healthy"
        if self._parts is None or self._parts.get("metadatabase") != "healthy":
            return None
        return self._parts.get(part) == "healthy"

    def _read(self) -> dict[str, str] | None:
        try:
            body = requests.get(self._url, timeout=5).json()
            return {part: str((detail or {}).get("status")) for part, detail in body.items()}
        except (requests.RequestException, ValueError, AttributeError):
            return None


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
