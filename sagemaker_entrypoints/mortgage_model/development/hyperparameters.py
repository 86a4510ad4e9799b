"""The training job's hyperparameters: name, type, default, range and meaning, in one table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from contracts.faults import DataFault


class HyperparameterError(DataFault):
    """A hyperparameter is unknown or out of range. The message names it and what it may be."""


@dataclass(frozen=True)
class Hyperparameter:
    """One hyperparameter; `minimum` and `maximum` are inclusive."""

    name: str
    default: int | float
    minimum: int | float
    maximum: int | float
    help: str

    @property
    def type(self) -> type:
        return type(self.default)

    @property
    def range_words(self) -> str:
        kind = "a whole number" if self.type is int else "a number"
        return f"{kind} from {self.minimum:g} to {self.maximum:g}"

    def parse(self, text: str) -> int | float:
        """The value of a string as SageMaker passes it; raises HyperparameterError with the allowed range."""
        try:
            value = self.type(text)
        except ValueError:
            value = None
        if value is None or not self.minimum <= value <= self.maximum:
            raise HyperparameterError(
                f"hyperparameter {self.name} must be {self.range_words}, not {text!r} ({self.help})"
            )
        return value


HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    Hyperparameter("horizon_months", 12, 1, 60, "months ahead that the label looks; the panel must agree"),
    Hyperparameter("oot_months", 12, 1, 120, "observation months in the out-of-time sample"),
    Hyperparameter("validation_months", 12, 1, 120, "observation months in the validation sample"),
    Hyperparameter("max_depth", 3, 1, 10, "levels of a tree"),
    Hyperparameter("n_estimators", 400, 1, 5000, "trees at most; early stopping keeps fewer"),
    Hyperparameter("learning_rate", 0.05, 0.001, 1.0, "weight of each tree"),
    Hyperparameter("min_child_weight", 20.0, 0.0, 1e6, "smallest sum of PD * (1 - PD) over the rows of a leaf"),
    Hyperparameter("subsample", 0.8, 0.05, 1.0, "share of rows drawn for each tree"),
    Hyperparameter("colsample_bytree", 0.6, 0.05, 1.0, "share of features drawn for each tree"),
    Hyperparameter("reg_lambda", 10.0, 0.0, 1e6, "L2 penalty on leaf weights"),
    Hyperparameter("gamma", 0.0, 0.0, 1e6, "smallest gain that justifies a split"),
    Hyperparameter("num_parallel_tree", 1, 1, 20, "trees averaged in each round, as in a random forest"),
    Hyperparameter("early_stopping_rounds", 40, 1, 1000, "trees without better validation log loss before stopping"),
    Hyperparameter("search_trials", 0, 0, 1000, "draws of the hyperparameter search; 0 takes the values as given"),
    Hyperparameter("search_seconds", 0, 0, 10**6, "the search starts no trial after so many seconds; 0: no limit"),
    Hyperparameter("seed", 20240131, 0, 2**31 - 1, "seed of every random draw"),
    Hyperparameter("max_train_rows", 0, 0, 10**9, "training rows kept at most, drawn at random; 0 keeps all"),
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise HyperparameterError(message)


def parse_arguments(arguments: Sequence[str]) -> dict[str, int | float]:
    """`--name value` pairs, as SageMaker's script mode passes them, to every hyperparameter's value.

    Raises HyperparameterError for an unknown name, a name without a value, or a value out of range.
    """
    parser = _Parser(description="Trains the mortgage default-risk model.", allow_abbrev=False)
    for parameter in HYPERPARAMETERS:
        parser.add_argument(
            f"--{parameter.name}",
            metavar=parameter.type.__name__,
            default=str(parameter.default),
            help=f"{parameter.help}; {parameter.range_words} (default {parameter.default})",
        )
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        names = ", ".join(parameter.name for parameter in HYPERPARAMETERS)
        raise HyperparameterError(f"there is no hyperparameter {unknown[0].removeprefix('--')!r}; there are {names}")
    return {parameter.name: parameter.parse(getattr(given, parameter.name)) for parameter in HYPERPARAMETERS}
