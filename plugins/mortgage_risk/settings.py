"""The platform's settings: Airflow options of section `[mortgage_risk]`.

Each field below is the environment variable `AIRFLOW__MORTGAGE_RISK__<FIELD IN CAPITALS>` (on MWAA: the
configuration option `mortgage_risk.<field>`). Nothing else tells a laptop from AWS.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

PLUGIN = Path(__file__).resolve().parent
PREFIX = "AIRFLOW__MORTGAGE_RISK__"


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    # What has no sensible default: the account's own names.
    execution_role_arn: str  # SageMaker's role
    glue_role_arn: str  # Glue's role
    image_uri: str  # SageMaker XGBoost container, used for training, validation and serving

    bucket: str = "mortgage-loan-ml"  # holds everything: tapes, datasets, models, reports
    model_name: str = "mortgage-default-risk"  # with '-<source>', the model's package group
    aws_conn_id: str = "aws_default"  # Airflow's connection to AWS
    glue_database: str = ""  # '' = the panel is not put into the Glue Data Catalog

    timezone: str = "America/New_York"  # the lender's: decides what "tonight" and "today" are
    nightly_schedule: str = "0 2 * * *"  # cron, in the lender's time zone, as all schedules
    training_schedule: str = "0 4 5 * *"  # monthly, when the month before has been delivered
    sweeper_schedule: str = "0 8 * * *"  # after the night's jobs
    sweeper_dry_run: bool = True  # False: the nightly sweeper stops the orphans it finds
    monitoring_schedule: str = "0 7 * * *"  # by when the night's scores are due: then a missing night is reported

    # How old the tapes of a night may be, in days before its score date (a replayed night's own, not today). Lenders
    # deliver a month within some two weeks of its end: the night before the next one comes, it ended 31 + 14 days ago.
    # A warning is a delivery that is late, an error two that are missing: a loan that was current then may have
    # defaulted since.
    report_age_warning_days: int = 45  # since the end of the newest reporting month
    report_age_error_days: int = 90  # the night is not scored
    ingest_age_warning_days: int = 45  # since the tapes were delivered (ingest_date)
    ingest_age_error_days: int = 90  # the night is not scored

    training_instance_type: str = "ml.m5.4xlarge"  # of SageMaker's training and tuning jobs
    tuning_parallel_jobs: int = 2  # trainings of a tuning job at a time
    spot_training: bool = False  # cheaper instances that AWS may take back: the search then goes on where it was
    processing_instance_type: str = "ml.m5.2xlarge"  # of validation and monitoring
    transform_instance_type: str = "ml.m5.xlarge"  # of the nightly batch transform
    transform_instances: int = 1  # the night's files are shared out among them
    endpoint_name: str = ""  # the real-time endpoint is called <this>-<source>; '' = there is none
    endpoint_instances: int = 1  # of transform_instance_type
    validation_retrains: bool = False  # validation also trains again and compares: doubles its cost
    volume_gb: int = 50  # disk of each SageMaker instance
    glue_worker_type: str = "G.1X"  # 4 cores, 16 GB each
    glue_workers: int = 5  # of each Glue run
    glue_job_definitions: str = "create"  # where missing; given: <model_name>-<script>, deployed with the platform
    glue_concurrent_runs: int = 100  # of one script at a time, where the platform creates the definition; more wait
    glue_job_days: int = 90  # the sweeper deletes Glue jobs that have not run for so long; their results stay
    max_runtime_minutes: int = 240  # of any one job; AWS stops it then

    price_table: Path = PLUGIN / "prices.json"  # what an hour of each instance costs, JSON
    run_budget_usd: float = math.inf  # a run that has spent this submits no further job
    day_budget_usd: float = math.inf  # the same for all runs of a day (UTC)

    deferrable: bool = True  # False: tasks wait on their worker, not in the triggerer
    poll_seconds: int = 30  # between two questions whether a job has ended, at most
    outage_minutes: int = 10  # how long AWS may be unreachable before a waiting task fails
    busy_minutes: int = 60  # how long a try waits for room under a limit of the account; the next one asks again

    lineage_url: str = ""  # where OpenLineage events go: file:///path or http(s)://…; '' = nowhere

    allowed_hosts: tuple[str, ...] = ()  # names of Airflow's API server, as localhost, *.example.com; empty = any

    approval_mode: str = "manual"  # default of the training form: manual | auto
    approvers: tuple[str, ...] = ()  # Airflow user names that may answer; empty = whoever may edit the run
    approval_hours: int = 168  # without an answer by then the model is rejected

    scores_due_hours: int = 4  # after the nightly run was queued; later, people are told
    sns_topic_arn: str = ""  # where to tell people of failures, rejections, approvals to give, late scores
    notifier: str = ""  # the same by this notifier of Airflow: path of its class
    notifier_arguments: str = ""  # its arguments, JSON; {subject} and {text} stand for the message

    job_code_root: Path = PLUGIN.parents[1]  # holds glue_jobs/, sagemaker_entrypoints/, contracts/
    git_commit: str = ""  # '' = ask git in job_code_root

    kms_key_id: str = ""  # encrypts SageMaker's disks and what tasks write; '' = AWS's own keys
    glue_security_configuration: str = ""  # the name of Glue's; encrypts its output and logs
    subnets: tuple[str, ...] = ()  # SageMaker's jobs run in these; empty = outside a VPC
    security_group_ids: tuple[str, ...] = ()  # given together with subnets

    # URL templates of the links in the UI; '' = the AWS console.
    job_link: str = ""  # {service} {kind} {name} {region}
    log_link: str = ""  # the same and {group} {stream}
    s3_object_link: str = ""  # {bucket} {key} {region}
    s3_folder_link: str = ""  # the same, of a key that ends with '/'

    def __post_init__(self) -> None:
        _require(self.approval_mode in ("auto", "manual"), "approval_mode", self.approval_mode, "auto or manual")
        name = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,38}"  # + '-<source>' is a model package group name (63 at most)
        _require(
            re.fullmatch(name, self.model_name),
            "model_name",
            self.model_name,
            "letters, digits, single '-', <= 39",
        )
        _require(
            re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", self.bucket),
            "bucket",
            self.bucket,
            "an S3 bucket name",
        )
        _require(
            re.fullmatch(f"|{name}", self.endpoint_name), "endpoint_name", self.endpoint_name, "as model_name, or empty"
        )
        _require(
            self.glue_job_definitions in ("create", "given"),
            "glue_job_definitions",
            self.glue_job_definitions,
            "create or given",
        )
        for role in ("execution_role_arn", "glue_role_arn"):
            arn = getattr(self, role)
            _require(
                re.fullmatch(r"arn:[\w-]+:iam::\d{12}:role/.+", arn),
                role,
                arn,
                "arn:aws:iam::<account>:role/<name>",
            )
        for field in fields(self):
            if field.type == "int":
                _require(getattr(self, field.name) > 0, field.name, getattr(self, field.name), "a number above 0")
        for age, warning, error in (
            ("report_age", self.report_age_warning_days, self.report_age_error_days),
            ("ingest_age", self.ingest_age_warning_days, self.ingest_age_error_days),
        ):
            _require(warning <= error, f"{age}_error_days", error, f"at least {age}_warning_days, {warning}")
        _require(
            re.fullmatch(r"|file:///.+|https?://.+", self.lineage_url),
            "lineage_url",
            self.lineage_url,
            "file:///path or http(s)://host/path",
        )
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            _require(False, "timezone", self.timezone, "an IANA name such as America/New_York")
        _require(
            bool(self.subnets) == bool(self.security_group_ids),
            "subnets",
            self.subnets,
            "given together with security_group_ids",
        )

    @property
    def outage_s(self) -> float:
        return self.outage_minutes * 60.0

    def today(self) -> str:
        """The date in the lender's time zone, YYYY-MM-DD."""
        return datetime.now(ZoneInfo(self.timezone)).date().isoformat()


def load_settings() -> Settings:
    """Settings from Airflow's configuration; raises SettingsError naming the one that is wrong."""
    from airflow.configuration import conf

    known = {field.name: field for field in fields(Settings)}
    given = {key.removeprefix(PREFIX).lower() for key in os.environ if key.startswith(PREFIX)}
    if unknown := sorted(given - set(known)):
        raise SettingsError(f"Unknown setting {PREFIX}{unknown[0].upper()}. Known: {', '.join(sorted(known))}.")
    values: dict[str, Any] = {}
    for name, field in known.items():
        text = conf.get("mortgage_risk", name, fallback="").strip()
        if text:
            values[name] = _parse(name, field.type, text)
        elif field.default is MISSING:
            raise SettingsError(f"Setting {PREFIX}{name.upper()} is required and not set.")
    return Settings(**values)


def _parse(name: str, kind: Any, text: str) -> Any:
    if kind == "int":
        _require(re.fullmatch(r"\d+", text), name, text, "a whole number")
        return int(text)
    if kind == "float":
        _require(re.fullmatch(r"\d+(\.\d+)?", text), name, text, "a number")
        return float(text)
    if kind == "bool":
        _require(text.lower() in ("true", "false"), name, text, "true or false")
        return text.lower() == "true"
    if kind == "Path":
        return Path(text)
    if kind.startswith("tuple"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _require(condition: Any, name: str, value: Any, expected: str) -> None:
    if not condition:
        raise SettingsError(f"Setting {PREFIX}{name.upper()} is {value!r}; expected {expected}.")
