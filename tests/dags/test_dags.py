"""The DAG files: they parse fast and without AWS, hold their manual, and take what their forms allow and
nothing else.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from mortgage_risk.dag import form
from mortgage_risk.dag.notifications import advice
from mortgage_risk.dag.params import HYPERPARAMETERS
from mortgage_risk.jobs import retries
from mortgage_risk.jobs.requests import PLATFORM

REPO = Path(__file__).resolve().parents[2]
FILES = sorted((REPO / "dags").glob("*.py"))
TAGS = {"mortgage-risk", "training", "scoring", "monitoring", "deployment", "operations"}
PIPELINES = ("mortgage_training", "mortgage_nightly_scoring")  # what makes data or models, and sums it up
ONCE = {"release.gate", "release.ask_for_approval"}  # a verdict, and a question that timed out

SECTION = re.compile(r"^\*\*([^*]+?)(?: \(on call\))?\.\*\*(.+?)(?=^\*\*|\Z)", re.MULTILINE | re.DOTALL)

TASKS = {
    "mortgage_training": [
        "package_code",
        "prepare_data.find_delivery",
        "prepare_data.clean_raw_data",
        "prepare_data.check_raw_data",
        "prepare_data.prepare_loan_panel",
        "prepare_data.check_loan_panel",
        "build_model.tune_hyperparameters",
        "build_model.train_model",
        "build_model.validate_model",
        "release.gate",
        "release.register_model",
        "release.choose_approval",
        "release.ask_for_approval",
        "release.record_decision",
        "summarize_run",
        "confirm_work",
    ],
    "mortgage_nightly_scoring": [
        "package_code",
        "select_model",
        "prepare_data.find_delivery",
        "prepare_data.clean_raw_data",
        "prepare_data.prepare_scoring_input",
        "prepare_data.check_scoring_input",
        "score.create_model",
        "score.batch_transform",
        "score.publish_scores",
        "summarize_run",
        "confirm_work",
    ],
    "mortgage_model_monitoring": ["package_code", "find_nights", "monitor_night", "request_retraining"],
    "mortgage_deployment": ["find_endpoint", "select_model", "create_model", "update_endpoint", "check_endpoint"],
    "mortgage_orphan_sweeper": ["sweep_orphans"],
    "mortgage_model_withdrawal": ["withdraw_model"],
}


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    bag = DagBag(str(REPO / "dags"))
    assert bag.import_errors == {}
    return bag.dags


def test_parsing_is_fast_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was used while parsing")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    DagBag(str(REPO / "dags"))  # first: what Airflow itself loads
    start = time.process_time()
    bag = DagBag(str(REPO / "dags"))
    assert bag.import_errors == {}
    assert time.process_time() - start < 2.0


def test_dags_and_plugins_import_nothing_heavy_at_module_level() -> None:
    allowed = sys.stdlib_module_names | {"airflow", "attrs", "pendulum", "mortgage_risk"}
    for path in [*FILES, *(REPO / "plugins").rglob("*.py")]:
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= allowed, f"{path}: {names}"


def test_the_pipelines_are_complete_and_in_order(dags: dict[str, DAG]) -> None:
    assert {dag_id: [task.task_id for task in dag.topological_sort()] for dag_id, dag in dags.items()} == TASKS


def test_the_summary_runs_whatever_happened_and_decides_nothing(dags: dict[str, DAG]) -> None:
    for dag in (dags[name] for name in PIPELINES):
        summary = dag.get_task("summarize_run")
        assert summary.is_teardown
        assert not summary.on_failure_fail_dagrun


def test_a_run_whose_work_was_never_done_fails_by_its_last_task(dags: dict[str, DAG]) -> None:
    """And by nothing else: Airflow takes a task before such a teardown for no leaf of the run."""
    for dag in (dags[name] for name in PIPELINES):
        confirm = dag.get_task("confirm_work")
        assert confirm.is_teardown
        assert confirm.on_failure_fail_dagrun
        assert confirm.upstream_task_ids == {"summarize_run"}
        (work,) = dag.get_task("summarize_run").upstream_task_ids
        assert confirm.work == work


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_docstring_is_the_manual(path: Path, dags: dict[str, DAG]) -> None:
    manual = ast.get_docstring(ast.parse(path.read_text()), clean=False)
    dag = dags[path.stem]
    shown = DagSerialization.from_dict(DagSerialization.to_dict(dag)).doc_md  # what the UI has of it
    assert shown.strip() == manual.strip()
    assert manual.lstrip().startswith("### ")
    sections = dict(SECTION.findall(manual))
    for part in ("What it does", "Inputs", "Outputs", "Schedule", "What a re-run does", "When it fails"):
        assert sections[part].strip(), part
    items = re.findall(r"^\* (`.+?):", sections["When it fails"], re.MULTILINE)
    assert items, "somebody on call looks a task up"
    for name in (name for item in items for name in re.findall(r"`(\w+)`", item)):
        assert any(task_id.rpartition(".")[2] == name for task_id in dag.task_ids), f"{name} is not a task"
        assert advice(manual, name), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_is_its_manual_and_thin_wiring(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 120
    body = ast.parse(path.read_text()).body
    kinds = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.With)
    assert all(isinstance(node, kinds) for node in body), "functions and conditions belong to mortgage_risk"


def test_every_task_has_owner_tags_retries_and_words(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert PLATFORM in dag.tags  # by which the form's door knows the DAGs that are its own
        assert set(dag.tags) <= TAGS
        assert not dag.catchup
        timetable = getattr(dag.timetable, "timetable", dag.timetable)  # inside "asset or time"
        if dag.dag_id != "mortgage_model_withdrawal":  # which only a person starts
            assert str(timetable._timezone.name) == "America/New_York"
        for task in dag.tasks:
            assert task.owner.startswith("credit-risk")
            assert task.retries == retries.TRIES
            allowed = task.retry_policy.allowed
            assert allowed == {"failure": 0 if task.task_id in ONCE else 2, "interruption": 8}, task.task_id
            words = vars(getattr(task, "operator_class", type(task)))["__doc__"]  # its own, not Airflow's
            assert words, f"{task.task_id} does not say what it does"


def test_failures_are_told_and_late_scores_too(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            assert [type(callback).__name__ for callback in task.on_failure_callback] == ["TaskFailed"], task.task_id
            assert [type(callback).__name__ for callback in task.on_retry_callback] == ["TriesLost"], task.task_id
        assert [type(callback).__name__ for callback in dag.on_failure_callback] == ["TriesUsedUp"]
    (due,) = dags["mortgage_nightly_scoring"].deadline
    assert due.interval.total_seconds() == 4 * 3600


def test_assets_link_the_dags(dags: dict[str, DAG]) -> None:
    tasks = [task for dag in dags.values() for task in dag.tasks]
    made = {(asset.name, task.task_id) for task in tasks for asset in task.outlets if asset.name}
    assert made == {
        ("mortgage_loan_panel", "prepare_data.prepare_loan_panel"),
        ("mortgage_approved_model", "release.record_decision"),
        ("mortgage_approved_model", "withdraw_model"),  # who is in force has changed
        ("mortgage_scores", "score.publish_scores"),
        ("mortgage_retraining", "request_retraining"),
    }


def test_scores_start_monitoring_that_may_start_training_whose_model_is_deployed(dags: dict[str, DAG]) -> None:
    def assets(dag_id: str) -> set[str]:
        return {asset.name for _, asset in dags[dag_id].timetable.asset_condition.iter_assets()}

    assert assets("mortgage_model_monitoring") == {"mortgage_scores"}
    assert assets("mortgage_training") == {"mortgage_retraining"}
    assert assets("mortgage_deployment") == {"mortgage_approved_model"}


def test_dags_survive_serialization(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert DagSerialization.from_dict(DagSerialization.to_dict(dag)).task_ids == dag.task_ids


@pytest.mark.parametrize(
    ("dag_id", "bad"),
    [
        ("mortgage_training", {"as_of_date": "yesterday"}),
        ("mortgage_training", {"source": "loans"}),
        ("mortgage_training", {"horizon_months": 0}),
        ("mortgage_training", {"hyperparameters": {"max_depth": 40}}),
        ("mortgage_training", {"hyperparameters": {"depth": 4}}),
        ("mortgage_training", {"approval_mode": "maybe"}),
        ("mortgage_nightly_scoring", {"score_date": "2019-13-01"}),
        ("mortgage_nightly_scoring", {"source": ""}),
        ("mortgage_model_monitoring", {"score_date": "tonight"}),
        ("mortgage_model_withdrawal", {"version": 0}),
        ("mortgage_model_withdrawal", {"withdrawn_from": "now"}),
    ],
)
def test_a_form_refuses_what_makes_no_sense(dags: dict[str, DAG], dag_id: str, bad: dict[str, object]) -> None:
    ((name, value),) = bad.items()
    with pytest.raises(ParamValidationError):
        dags[dag_id].params.get_param(name).resolve(value)


def test_a_form_can_be_sent_as_it_opens(dags: dict[str, DAG]) -> None:
    """Airflow's form takes an empty plain text, and a null of a parameter that takes none, for a required one."""
    for dag in dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.value not in ("", None) or "null" in param.schema["type"], name
            assert not {"minimum", "maximum"} & set(param.schema), f"the form would change {name} beyond it"
            assert param.schema["type"] != "object", f"nobody can type in Airflow's field for {name}"


def test_an_empty_field_is_rendered_as_nothing(dags: dict[str, DAG]) -> None:
    run = SimpleNamespace(
        partition_key=None, data_interval_start=None, data_interval_end=None, run_after=datetime(2020, 1, 5, tzinfo=UTC)
    )
    for dag in dags.values():
        environment = dag.get_template_env()
        values = {"params": dag.params, "dag_run": run, "triggering_asset_events": {}}
        for task in dag.tasks:
            for field in task.template_fields:
                texts = _texts(getattr(task, field, None))
                for text in (text for text in texts if "params." in text and "{{" in text):
                    assert "None" not in environment.from_string(text).render(values), (task.task_id, text)


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, (list, tuple)):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def test_every_task_refuses_a_form_that_makes_no_sense(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            hook = getattr(task, "_pre_execute_hook", None) or task.partial_kwargs.get("pre_execute")
            assert hook is form.refuse, task.task_id


def test_every_field_of_the_forms_is_explained(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.description, name
            assert param.schema.get("title"), name


def test_the_form_knows_the_training_scripts_hyperparameters() -> None:
    path = REPO / "sagemaker_entrypoints/mortgage_model/development/hyperparameters.py"
    spec = importlib.util.spec_from_file_location("training_hyperparameters", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    script = {
        h.name: ("integer" if h.type is int else "number", h.minimum, h.maximum)
        for h in module.HYPERPARAMETERS
        if h.name != "horizon_months"
    }
    assert script == HYPERPARAMETERS
