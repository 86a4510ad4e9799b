"""Who starts the next run of a Glue request: a claim, one small S3 object per request, changed by conditional writes
alone.

StartJobRun takes neither a name nor a client token, and all nights share a definition. So the claim is the name that
Glue lacks. Whoever wants a run writes first that the request's attempt n is being started (`If-None-Match: *`, or
`If-Match` over the claim of attempt n-1, whose run has ended), then starts it with `<request>-<n>` among its
arguments, then writes the run's id into the claim (`If-Match`). Of two workers one write wins. After a death on the
way, or an answer that was lost, the run is looked for by that argument among the definition's runs that are younger
than the claim, and written down; where there is none SETTLE_S after the claim, nobody can start it any more, and the
attempt is claimed anew.

What no lock can exclude, a worker that stands still for longer than SETTLE_S between its claim and its start, ends
well too: its own claim is gone when it wants to write the run's id, so it stops that run at once.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NotRequired, TypedDict

from mortgage_risk import aws
from mortgage_risk.jobs.requests import Request
from mortgage_risk.jobs.state import NAME, BeingStarted, fill_in_name
from mortgage_risk.layout import split_uri

log = logging.getLogger(__name__)

NAMED = {"--airflow_request": NAME}  # what the attempt's name is among a run's arguments
# A claim is this old before a start that never came, or whose answer was lost, is given up. It holds the time a worker
# allows itself between the two, a connection's time-out, and the time Glue takes to accept a run and to list it.
SETTLE_S = 60.0
START_WITHIN_S = 15.0
CLOCKS_S = 300.0  # by which the clocks of S3 and Glue may differ

ACTIVE = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})


class Run(TypedDict):
    """What is read of Glue's JobRun."""

    Id: str
    JobName: str
    JobRunState: str
    StartedOn: NotRequired[datetime]
    CompletedOn: NotRequired[datetime]
    ErrorMessage: NotRequired[str]
    Arguments: NotRequired[dict[str, str]]


@dataclass(frozen=True)
class Claim:
    """`run` is empty until it is known; `refused` says why AWS did not start it. `token`: of the worker that wrote
    it, which tells its own write, whose answer was lost, from another's.
    """

    request: str
    attempt: int
    definition: str
    token: str
    asked_by: Mapping[str, str]
    run: str = ""
    refused: str = ""

    @property
    def name(self) -> str:
        return f"{self.request}-{self.attempt}"

    @property
    def job_id(self) -> str:
        return f"{self.definition}/{self.run}"


@dataclass(frozen=True)
class Stored:
    """A claim as it lies in S3; times are S3's."""

    claim: Claim
    etag: str
    written: datetime
    age_s: float


class Claims:
    """The claims below the S3 prefix `root`."""

    def __init__(self, s3: Any, root: str, kms_key_id: str = "") -> None:
        self._s3, self._root, self._kms_key_id = s3, root, kms_key_id

    def uri(self, request: str) -> str:
        return f"{self._root}{request}.json"

    def read(self, request: str) -> Stored | None:
        bucket, key = split_uri(self.uri(request))
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key)
        except Exception as error:
            if aws.is_not_found(error):
                return None
            raise
        now = _date(answer)
        age = max(0.0, (now - answer["LastModified"]).total_seconds())
        return Stored(Claim(**json.loads(answer["Body"].read())), answer["ETag"], answer["LastModified"], age)

    def of(self, run: Run) -> Claim | None:
        """The claim that names this run, or under which it is being started; None for a run that nobody can find."""
        name = name_of(run)
        stored = self.read(name.rpartition("-")[0]) if name else None
        if stored is None or stored.claim.name != name or stored.claim.run not in ("", run["Id"]):
            return None
        return stored.claim

    def write(self, claim: Claim, over: Stored | None) -> Stored | None:
        """Put `claim` in the place of `over`, or where there is none; None where somebody else has written since."""
        body = json.dumps(asdict(claim), indent=2, sort_keys=True).encode() + b"\n"
        condition = {"IfMatch": over.etag} if over else {"IfNoneMatch": "*"}
        try:
            uri = self.uri(claim.request)
            answer = aws.write_bytes(self._s3, uri, body, "application/json", self._kms_key_id, **condition)
        except Exception as error:
            if not aws.is_changed(error):
                raise
            now = self.read(claim.request)  # the client may have sent it twice
            return now if now and now.claim == claim else None
        return Stored(claim, answer["ETag"], _date(answer), 0.0)


class Runs:
    """The runs of requests, found by their claims and started under them.

    glue asks again by itself where AWS does not answer; `once`, which starts the runs, must not.
    """

    def __init__(self, claims: Claims, glue: Any, once: Any) -> None:
        self._claims, self._glue, self._once = claims, glue, once

    def newest(self, request: str) -> Run | None:
        """The run of the request's newest attempt; None where the next one may be started, or BeingStarted."""
        return self._look(request)[1]

    def start(self, request: str, call: Request, asked_by: Mapping[str, str], after: str) -> str:
        """Start the attempt that follows the run `after` ('' for none): its '<definition>/<run id>'. Of somebody
        else's, where there is a newer one by now; BeingStarted where there will be.

        call: StartJobRun's arguments, NAMED among those of the run.
        """
        stored, run = self._look(request)
        if stored and run and stored.claim.job_id != after:
            return stored.claim.job_id
        attempt = 1 if stored is None else stored.claim.attempt + bool(stored.claim.run)
        claim = Claim(request, attempt, call["JobName"], uuid.uuid4().hex, dict(asked_by))
        began = time.monotonic()
        held = self._claims.write(claim, over=stored)
        if held is None:
            raise BeingStarted(f"{claim.name} is claimed by another worker", SETTLE_S)
        if time.monotonic() - began > START_WITHIN_S:
            self._release(held, "S3 took too long over the claim")
            raise BeingStarted(f"S3 took {time.monotonic() - began:.0f} s over the claim {claim.name}", 0)
        try:
            run_id = self._once.start_job_run(**fill_in_name(call, claim.name))["JobRunId"]
        except Exception as error:
            if aws.is_refused(error):
                self._release(held, str(error))
            raise
        started = replace(claim, run=run_id)
        if self._claims.write(started, over=held) is None:
            now = self._claims.read(request)
            if now is None or now.claim.run != run_id:
                self._stop(claim.definition, run_id, "its claim was taken over while it was started")
                raise BeingStarted(f"{claim.name} was claimed by another worker meanwhile", SETTLE_S)
        return started.job_id

    def _release(self, held: Stored, why: str) -> None:
        """So that nobody waits for what was not started. Where this fails too, they wait."""
        try:
            self._claims.write(replace(held.claim, refused=why), over=held)
        except Exception as error:  # noqa: BLE001  (the refusal matters more)
            log.warning("The claim %s was not released: %s", held.claim.name, error)

    def _describe(self, claim: Claim) -> Run | None:
        """None for a run that Glue has forgotten: it keeps them for a year, or as long as their definition."""
        try:
            run: Run = self._glue.get_job_run(JobName=claim.definition, RunId=claim.run)["JobRun"]
        except Exception as error:
            if aws.is_not_found(error):
                return None
            raise
        return run

    def _look(self, request: str) -> tuple[Stored | None, Run | None]:
        """The claim and its run, which is None where no run of it exists or will."""
        stored = self._claims.read(request)
        if stored is None or stored.claim.refused:
            return stored, None
        if stored.claim.run:
            run = self._describe(stored.claim)
        elif (run := self._found_by_name(stored)) and (stored := self._adopted(stored, run)) is None:
            return self._look(request)
        if run is None and stored.age_s < SETTLE_S:
            left = SETTLE_S - stored.age_s
            raise BeingStarted(f"{stored.claim.name} is being started since {stored.age_s:.0f} s", left)
        return stored, run

    def _found_by_name(self, stored: Stored) -> Run | None:
        """The run that was started under this claim without a word of it; of several the first, the others stop."""
        claim, since = stored.claim, stored.written - timedelta(seconds=CLOCKS_S)
        runs = runs_since(self._glue, claim.definition, since)
        found = [run for run in runs if name_of(run) == claim.name]
        if not found:
            return None
        first, *others = sorted(found, key=lambda run: (run["StartedOn"], run["Id"]))
        for run in others:
            if run["JobRunState"] in ACTIVE:
                self._stop(claim.definition, run["Id"], f"{first['Id']} does the same work")
        return first

    def _adopted(self, stored: Stored, run: Run) -> Stored | None:
        log.info("Found run %s of %s, whose start was not written down", run["Id"], stored.claim.name)
        return self._claims.write(replace(stored.claim, run=run["Id"]), over=stored)

    def _stop(self, definition: str, run_id: str, why: str) -> None:
        log.warning("Stopping Glue run %s/%s: %s", definition, run_id, why)
        self._glue.batch_stop_job_run(JobName=definition, JobRunIds=[run_id])


def name_of(run: Run) -> str:
    """Of the attempt at a request; '' for a run that is not of this platform."""
    (argument,) = NAMED
    return run.get("Arguments", {}).get(argument, "")


def runs_since(glue: Any, definition: str, since: datetime) -> Iterator[Run]:
    """The runs of a definition that were started after `since`. Glue gives the newest first."""
    token: dict[str, str] = {}
    while True:
        try:
            page = glue.get_job_runs(JobName=definition, MaxResults=200, **token)
        except Exception as error:
            if aws.is_not_found(error):
                return
            raise
        for run in page["JobRuns"]:
            if run["StartedOn"] < since:
                return
            yield run
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _date(answer: Mapping[str, Any]) -> datetime:
    """When AWS gave the answer, by its own clock."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)
