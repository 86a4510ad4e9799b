"""What SageMaker's training, tuning, processing and transform jobs have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.aws import Clients
from mortgage_risk.jobs.cost import Cost, Prices, clock_seconds, instance_cost
from mortgage_risk.jobs.kinds.kind import Address, JobKind, RunningJob
from mortgage_risk.jobs.requests import Request
from mortgage_risk.jobs.state import JobState, LogPlace, Phase, fill_in_name, newest_attempt, next_attempt
from mortgage_risk.settings import Settings

Answer = Mapping[str, Any]  # AWS's, to a describe call

_PHASES: Mapping[str, Phase] = {"Completed": "succeeded", "Failed": "failed", "Stopped": "stopped"}


class SageMakerJob(JobKind):
    """A job is found by its name, which is its id: attempt n of a request is called `<request name>-<n>`, and SageMaker
    refuses a name twice.
    """

    service = "sagemaker"
    title: ClassVar[str]  # what the API's fields begin with: <title>JobName

    # --- the calls, each by its own name ---

    @abstractmethod
    def create_job(self, client: Any, request: Request) -> None: ...

    @abstractmethod
    def describe_job(self, client: Any, name: str) -> Answer: ...

    @abstractmethod
    def stop_job(self, client: Any, name: str) -> None: ...

    @abstractmethod
    def list_running(self, client: Any) -> Iterable[Answer]:
        """The pages of the list of jobs in progress."""

    @abstractmethod
    def machines(self, answer: Answer) -> Answer:
        """{"InstanceType", "InstanceCount"} of what AWS says of a job."""

    def billed_seconds(self, answer: Answer) -> float | None:
        """As AWS states them, which for spot training are fewer than those on the clock."""
        return answer.get("BillableTimeInSeconds")

    # --- what follows from them ---

    def latest(self, clients: Clients, request: Request, name: str) -> JobState | None:
        return newest_attempt(lambda job_id: self.describe(clients, job_id), name)

    def submit(self, clients: Clients, request: Request, name: str, previous: JobState | None) -> str:
        job_id = next_attempt(name, previous)
        client, named = clients(self.service, retries=False), fill_in_name(request, job_id)
        aws.create_once(lambda: self.create_job(client, named))
        return job_id

    def describe(self, clients: Clients, job_id: str) -> JobState:
        answer = self.describe_job(clients(self.service), job_id)
        status = answer[f"{self.title}JobStatus"]
        return JobState(
            job_id=job_id,
            phase=_PHASES.get(status, "running"),
            status=answer.get("SecondaryStatus", status),
            # A Processing job's own words are its ExitMessage; its FailureReason says where to look.
            reason=" ".join(filter(None, (answer.get("ExitMessage"), answer.get("FailureReason")))),
            started_at=answer.get("CreationTime"),
            ended_at=answer.get(f"{self.title}EndTime"),
            response=answer,
        )

    def stop(self, clients: Clients, job_id: str) -> None:
        self.stop_job(clients(self.service), job_id)

    def running(self, clients: Clients, settings: Settings) -> Iterator[RunningJob]:
        client = clients(self.service)
        for page in self.list_running(client):
            for job in page[f"{self.title}JobSummaries"]:
                tags = client.list_tags(ResourceArn=job[f"{self.title}JobArn"])["Tags"]
                by_key = {tag["Key"]: tag["Value"] for tag in tags}
                yield RunningJob(job[f"{self.title}JobName"], job["CreationTime"], by_key)

    def address(self, job_id: str) -> Address:
        return {"service": "sagemaker", "kind": f"{self.name}-job", "name": job_id}

    def log_places(self, job_id: str) -> list[LogPlace]:
        return [LogPlace(f"/aws/sagemaker/{self.title}Jobs", f"{job_id}/")]

    def cost(self, state: JobState, prices: Prices, now: datetime | None = None) -> Cost:
        """Instances × billable seconds."""
        machines, billed = self.machines(state.response), self.billed_seconds(state.response)
        seconds = float(clock_seconds(state, now) if billed is None else billed)
        return instance_cost(str(machines.get("InstanceType", "")), machines.get("InstanceCount", 1), seconds, prices)
