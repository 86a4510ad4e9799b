"""`make demo`: from raw loan tapes to tonight's scores in a real Airflow, then what came out and where to look."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from local_platform.clients.airflow import AirflowApi, LogEvent, Params
from local_platform.clients.aws import read_json
from local_platform.clients.progress import Progress
from local_platform.command import CommandError, a_date, a_number
from local_platform.commands.results import Evaluation, RunSummary
from local_platform.commands.summary import render
from local_platform.delivery import landing
from local_platform.environments import ROOT, runtime_python
from local_platform.running import processes, supervisor
from local_platform.running.state import make_ready
from local_platform.running.watch import START_SECONDS
from local_platform.settings import Platform

TRAINING, SCORING = "mortgage_training", "mortgage_nightly_scoring"
# Twelve years to the end of 2014: the out-of-time year 2013 has the 100 defaulted loans that the gate asks for.
LOANS, BOOK = 18_000, ["--seed", "1", "--start", "2003-01", "--end", "2014-12"]

MONTHS = {
    "oot_months": "observation months to judge the model by",
    "validation_months": "observation months before them, to tune and calibrate with",
    "horizon_months": "months within which a loan defaults",
}


class DemoError(CommandError):
    """The demo cannot go on; the message says which task failed, its own words, and where its log is."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of real loan files (default: a simulated book)")
    parser.add_argument("--economic", type=Path, help="folder of economic files, where not in or beside --data")
    parser.add_argument("--as-of", type=a_date, help="business date, YYYY-MM-DD (default: the last one in the data)")
    parser.add_argument("--override-by", default="", help="who releases a model that the gate rejected")
    parser.add_argument(
        "--loans", type=a_number, default=LOANS, help="size of the simulated book (default %(default)s)"
    )
    for name, meaning in MONTHS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=months, help=f"{meaning} (default 12)")
    parser.add_argument("--no-start", action="store_true", help="use a platform that is up already")


def run(arguments: argparse.Namespace, platform: Platform) -> int:
    progress = Progress()
    careful = contextlib.nullcontext() if arguments.no_start else supervisor.undone_if_interrupted(platform)
    try:
        with careful:
            return _demo(arguments, platform, progress)
    except CommandError:
        progress.say("FAILED")
        raise


def _demo(arguments: argparse.Namespace, platform: Platform, progress: Progress) -> int:
    if not arguments.no_start:
        make_ready(platform)
    folder = arguments.data or simulated_book(platform, arguments.loans, progress)
    delivery = landing.describe(folder, arguments.economic, arguments.as_of)  # a wrong folder is told of at once
    if not arguments.no_start:
        progress.say("starting the local AWS and Airflow")
        supervisor.up(platform)
    size = landing.land(platform, delivery)
    progress.say(
        f"landed {len(delivery.files)} files, {size / 1e6:.1f} MB, as {delivery.source} of {delivery.as_of_date}"
    )

    api = AirflowApi(platform.airflow_url, "admin", platform.password("admin"))
    wait_for_dags(api, platform)
    with paused_again(api, progress):
        return _run(api, platform, progress, delivery, arguments)


def _run(
    api: AirflowApi,
    platform: Platform,
    progress: Progress,
    delivery: landing.Delivery,
    arguments: argparse.Namespace,
) -> int:
    """Train on the delivery, score with the model where it was released, say what came out."""
    params: Params = {
        "as_of_date": delivery.as_of_date,
        "source": delivery.source,
        "approval_mode": "auto",
        # The sample's nights are in the past: the model is declared to be in force on them.
        "effective_from": delivery.as_of_date,
    }
    params |= training_months(arguments)
    if arguments.override_by:
        params |= {
            "override_by": arguments.override_by,
            "override_reason": "Given on the command line of the demo",
        }
    training_state, training = run_dag(api, platform, progress, TRAINING, params)
    if training_state != "success" and not was_rejected(training):
        raise DemoError(failure(api, platform, TRAINING, training["run_id"]))
    scoring = None
    if training_state == "success":
        state, scoring = run_dag(
            api, platform, progress, SCORING, {"score_date": delivery.as_of_date, "source": delivery.source}
        )
        if state != "success":
            raise DemoError(failure(api, platform, SCORING, scoring["run_id"]))
    print(render(platform, training, evaluation(platform, training), scoring, progress.elapsed))
    return 0


@contextlib.contextmanager
def paused_again(api: AirflowApi, progress: Progress) -> Iterator[None]:
    """Afterwards the DAGs that were paused are so again: by the clock they would score these tapes every night."""
    paused = [dag_id for dag_id in (TRAINING, SCORING) if api.is_paused(dag_id)]
    try:
        yield
    finally:
        try:
            for dag_id in paused:
                api.pause(dag_id)
        except (OSError, RuntimeError) as error:
            progress.say(f"{' and '.join(paused)} could not be paused: {error}")
        else:
            if paused:
                progress.say(
                    f"{' and '.join(paused)}: paused, as before; by the clock they would go on with these tapes. "
                    "Unpause them in Airflow when tapes come every month."
                )


def months(text: str) -> int:
    """A whole number of months, at least 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of months, at least 1, not {text!r}")
    return int(text)


def training_months(arguments: argparse.Namespace) -> Params:
    """The months that were given, as the training form takes them."""
    given = {name: getattr(arguments, name) for name in MONTHS if getattr(arguments, name) is not None}
    horizon = {"horizon_months": given.pop("horizon_months")} if "horizon_months" in given else {}
    return horizon | ({"hyperparameters": given} if given else {})


def simulated_book(platform: Platform, loans: int, progress: Progress) -> Path:
    """A seeded mortgage book, made once per size."""
    folder = platform.state / f"simulated-{loans}-loans"
    if folder.exists():
        return folder
    progress.say(f"simulating a mortgage book of {loans:,} loans")
    draft = folder.with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)
    command = [str(runtime_python("tooling")), "-m", "simulator", *BOOK, "--loans", str(loans), "--out", str(draft)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise DemoError(f"the simulator failed: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    draft.rename(folder)
    return folder


def wait_for_dags(api: AirflowApi, platform: Platform) -> None:
    """Until both DAGs are parsed; DemoError with the traceback where a file does not import."""
    deadline = time.monotonic() + START_SECONDS
    while not {TRAINING, SCORING} <= api.dag_ids():
        if errors := api.import_errors():
            raise DemoError("a DAG file does not import:\n" + "\n".join(errors))
        if time.monotonic() > deadline:
            raise DemoError(
                f"the DAGs did not appear in {START_SECONDS:.0f} s; see {processes.log_path(platform, 'dag-processor')}"
            )
        time.sleep(0.5)


def run_dag(
    api: AirflowApi, platform: Platform, progress: Progress, dag_id: str, params: Params
) -> tuple[str, RunSummary]:
    """Trigger a DAG and follow it to its end: final state and the run's own summary."""
    run_id = api.trigger(dag_id, params)
    progress.say(f"{dag_id} ({platform.public_airflow_url}/dags/{dag_id}/runs/{run_id})")
    state = progress.follow(api, dag_id, run_id)
    uri = api.xcom(dag_id, run_id, "summarize_run")
    summary: RunSummary = read_json(platform, uri["summary_uri"]) if uri else {"run_id": run_id, "tasks": {}}
    return state, summary


def was_rejected(training: RunSummary) -> bool:
    """Whether the run failed for the one reason that is an answer: the model was not released."""
    model = training.get("model")
    return bool(model and model["status"] == "Rejected")


def evaluation(platform: Platform, training: RunSummary) -> Evaluation:
    uri = training["tasks"]["build_model.validate_model"]["evaluation_uri"]
    found: Evaluation = read_json(platform, uri)["mortgage"]
    return found


def failure(api: AirflowApi, platform: Platform, dag_id: str, run_id: str) -> str:
    """The failed tasks' own errors and where their logs are."""
    texts = []
    for task in api.tasks(dag_id, run_id):
        if task["state"] != "failed":
            continue
        events = api.log(dag_id, run_id, task)
        errors = [line for line in events if line.get("level") in ("error", "critical") or line.get("error_detail")]
        words = [described(line) for line in (errors or events)[-3:]]
        texts.append(
            f"task {task['task_id']} of {dag_id} failed:\n"
            + "\n".join(words)
            + f"\nLog: {platform.public_airflow_url}/dags/{dag_id}/runs/{run_id}/tasks/{task['task_id']}"
            + f"\n     {platform.logs}/airflow/dag_id={dag_id}/run_id={run_id}/task_id={task['task_id']}/"
        )
    return "\n".join(texts) or f"run {run_id} of {dag_id} failed with no failed task; see {platform.logs}/scheduler.log"


def described(line: LogEvent) -> str:
    """One log event in words: its text, then the exceptions it carries."""
    exceptions = [f"{e.get('exc_type')}: {e.get('exc_value')}" for e in line.get("error_detail") or []]
    return "\n".join([str(line.get("event", "")), *exceptions])
