"""The forms that start the DAGs by hand: names, types, ranges and help of every parameter."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from mortgage_risk.settings import Settings

SOURCES = ("canonical", "fannie_mae", "fannie_mae_current", "freddie_mac")

OVERRIDE = "Override of the gate"  # a section of the form: closed until somebody opens it

# name -> type, minimum, maximum; those of mortgage_model/development/hyperparameters.py (a test compares).
# horizon_months is a parameter of its own.
HYPERPARAMETERS: dict[str, tuple[str, float, float]] = {
    "oot_months": ("integer", 1, 120),
    "validation_months": ("integer", 1, 120),
    "max_depth": ("integer", 1, 10),
    "n_estimators": ("integer", 1, 5000),
    "learning_rate": ("number", 0.001, 1.0),
    "min_child_weight": ("number", 0.0, 1e6),
    "subsample": ("number", 0.05, 1.0),
    "colsample_bytree": ("number", 0.05, 1.0),
    "reg_lambda": ("number", 0.0, 1e6),
    "gamma": ("number", 0.0, 1e6),
    "early_stopping_rounds": ("integer", 1, 1000),
    "seed": ("integer", 0, 2**31 - 1),
    "max_train_rows": ("integer", 0, 10**9),
    "num_parallel_tree": ("integer", 1, 20),
    "search_trials": ("integer", 0, 1000),
    "search_seconds": ("integer", 0, 10**6),
}


def scoring_params() -> dict[str, Param]:
    return {
        "score_date": _date("Score date", "Loans are scored as known on this day. Empty: the night's own date."),
        "source": _source(),
    }


def sweeper_params(settings: Settings) -> dict[str, Param]:
    return {
        "dry_run": Param(
            settings.sweeper_dry_run,
            type="boolean",
            title="Dry run",
            description="Report only. Off: stop the jobs that belong to no live task, delete old Glue jobs.",
        ),
    }


def monitoring_params() -> dict[str, Param]:
    return {
        "score_date": _date("Score date", "The scored night to monitor. Empty: the night's own date."),
        "source": _source(),
    }


def deployment_params() -> dict[str, Param]:
    return {"source": _source()}


def training_params(settings: Settings) -> dict[str, Param]:
    return {
        "as_of_date": _date(
            "As-of date", "The panel is built from what was known on this day. Empty: the last month-end."
        ),
        "source": _source(),
        "horizon_months": Param(
            12,
            type="integer",
            title="Horizon (months)",
            description="The model predicts default within this many months.",
            **_between(1, 60),
        ),
        "hyperparameters": Param(
            None,
            type=["null", "object", "string"],  # the form has a text field for two kinds, see form.as_values
            title="Hyperparameters",
            additionalProperties=False,
            properties={
                name: {"type": kind, "minimum": minimum, "maximum": maximum}
                for name, (kind, minimum, maximum) in HYPERPARAMETERS.items()
            },
            description="Those that differ from the script's defaults, one a line, such as max_depth = 4. There are "
            + ", ".join(HYPERPARAMETERS),
        ),
        "tuning_jobs": Param(
            0,
            type="integer",
            title="Tuning jobs",
            description="Trainings to look for better hyperparameters with, before the model is trained. 0: none.",
            **_between(0, 500),
        ),
        "approval_mode": Param(
            settings.approval_mode,
            type="string",
            enum=["manual", "auto"],
            title="Approval",
            description="manual: a person approves here. auto: a model that passes the gate is approved.",
        ),
        "effective_from": _date(
            "Effective from", "First business date that the model may score. Empty: the day of its approval."
        ),
        "override_by": _text(
            "Override by",
            "Who releases a model that does not pass the gate. Recorded in the registry.",
            longest=100,
            section=OVERRIDE,
        ),
        "override_reason": _text(
            "Override reason",
            "Why. Required with a name, as a name is with it. Recorded in the registry.",
            longest=240,
            section=OVERRIDE,
        ),
    }


def withdrawal_params() -> dict[str, Param]:
    """All may be left empty: the run then says what is in force, and changes nothing."""
    return {
        "source": _source(),
        "version": Param(
            None,
            type=["null", "integer"],
            title="Version",
            description="The version to withdraw: its number in the model registry. Empty: show what is in force.",
            **_between(1, 10**6),
        ),
        "reason": _text("Reason", "Why it is withdrawn. Recorded in the registry, with your name.", longest=240),
        "withdrawn_from": _date(
            "Withdrawn from", "First business date that it scores no more; nights before keep it. Empty: today."
        ),
    }


def _between(minimum: int, maximum: int) -> dict[str, Any]:
    """Bounds that the form does not see: it would change a number beyond them into the bound, without a word."""
    return {"allOf": [{"minimum": minimum, "maximum": maximum}]}


def _text(title: str, description: str, *, longest: int, **schema: Any) -> Param:
    """A text that may be left empty: Airflow's form takes an empty plain string for a required one that is missing."""
    return Param(None, type=["null", "string"], maxLength=longest, title=title, description=description, **schema)


def _date(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], format="date", title=title, description=description)


def _source() -> Param:
    descriptions: dict[str, Any] = {
        "canonical": "Canonical tables",
        "fannie_mae": "Fannie Mae, acquisition and performance files",
        "fannie_mae_current": "Fannie Mae, one 108/113-column file",
        "freddie_mac": "Freddie Mac, origination and performance files",
    }
    return Param(
        SOURCES[0],
        type="string",
        enum=list(SOURCES),
        values_display=descriptions,
        title="Source",
        description="Whose loan tapes to read.",
    )
