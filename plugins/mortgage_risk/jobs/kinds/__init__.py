"""The kinds of AWS job, seen alike: each is one class, which owns all that is known of it."""

from __future__ import annotations

from mortgage_risk.jobs.kinds.endpoint import EndpointUpdate
from mortgage_risk.jobs.kinds.glue import GlueRun
from mortgage_risk.jobs.kinds.kind import JobKind
from mortgage_risk.jobs.kinds.processing import ProcessingJob
from mortgage_risk.jobs.kinds.training import TrainingJob
from mortgage_risk.jobs.kinds.transform import TransformJob
from mortgage_risk.jobs.kinds.tuning import TuningJob

GLUE = GlueRun()
KINDS: dict[str, JobKind] = {
    kind.name: kind for kind in (GLUE, EndpointUpdate(), TrainingJob(), TuningJob(), ProcessingJob(), TransformJob())
}
