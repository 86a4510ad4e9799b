"""What a table contract says, as plain values: the one definition every room derives from."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from contracts.faults import DataFault
from contracts.formula import columns_of
from contracts.split import Split
from contracts.values import Codes, Value

TYPES = ("string", "integer", "number", "date", "boolean")
ROLES = ("key", "time", "feature", "attribute", "label", "outcome", "protected", "metadata")
PII_CLASSES = ("none", "indirect", "direct")
SEVERITIES = ("error", "warning")
# Of a date: it lies in the past of the day on which its row was known, or is of something to come.
PAST, SCHEDULED = "past", "scheduled"
TIMINGS = (PAST, SCHEDULED)
# Integers of 64 bits instead of 32, in the field where the standard has a table's own types.
BIGINT = "bigint"


class ContractError(DataFault):
    """A contract file is wrong, or something asked of it is not there. The message names table and column."""


@dataclass(frozen=True)
class LabelMapping:
    """What the values of a label column mean, as they are written in the table: the event (1), none (0), not known yet
    (trains nothing).
    """

    bad: tuple[str, ...]
    good: tuple[str, ...]
    indeterminate: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column.

    ``allowed``, ``minimum`` and ``maximum`` are values of the column's type (see contracts/values.py); the latter two
    inclusive and in ``unit``. ``monotone`` is the direction in which PD may move when the value rises: -1 falls, 1
    rises, 0 free. ``missing_codes`` are the source's spellings of "unknown", which readers turn into null: compare by
    ``codes``. ``sources`` names the raw columns (``table.column``) the value comes from. ``critical`` columns may not
    be null in every row. ``business_name`` is what a person calls it. ``timing`` of a date is one of TIMINGS: a day in
    the past is wrong where it lies after the business date, a scheduled one says nothing about the outcome. ``wide``
    integers have 64 bits.
    Of a ``dispensable`` column a value that breaks the column's rules is set to missing, counted and warned about;
    of any other it costs the whole row.
    """

    name: str
    type: str
    description: str
    role: str
    required: bool = False
    unit: str | None = None
    allowed: tuple[Value, ...] | None = None
    allowed_labels: tuple[str, ...] | None = None
    minimum: Any = None
    maximum: Any = None
    pattern: str | None = None
    monotone: int = 0
    missing_codes: tuple[str, ...] = ()
    pii: str = "none"
    critical: bool = False
    dispensable: bool = False
    partitioned: bool = False
    sources: tuple[str, ...] = ()
    inherits: str | None = None
    business_name: str | None = None
    label_mapping: LabelMapping | None = None
    timing: str | None = None
    wide: bool = False

    @property
    def label(self) -> str:
        """The name in plain words."""
        return self.business_name or self.name.replace("_", " ")

    @property
    def categorical(self) -> bool:
        """Text or an enumeration: a model treats it as unordered classes."""
        return self.type == "string"

    @property
    def is_month(self) -> bool:
        """A date that stands for its whole month: always the first day."""
        return self.type == "date" and self.unit == "month"

    @property
    def bounded(self) -> bool:
        """Whether there is a range: one bound makes one."""
        return self.minimum is not None or self.maximum is not None

    def outside(self, value: Any) -> Any:
        """Whether ``value`` leaves the range, by the one rule for it; None for a column without a range.

        ``value`` is of the column's type, or whatever compares as its values do, element by element: a Spark column, a
        numpy array, a pandas series. What is missing is not outside.
        """
        beyond = [value < self.minimum] if self.minimum is not None else []
        beyond += [value > self.maximum] if self.maximum is not None else []
        return reduce(operator.or_, beyond) if beyond else None

    @cached_property
    def regex(self) -> re.Pattern[str] | None:
        return re.compile(self.pattern) if self.pattern else None

    @cached_property
    def codes(self) -> Codes:
        """The missing codes as they compare."""
        return Codes.of(self.type, self.missing_codes)


@dataclass(frozen=True)
class DerivedFeature:
    """A feature that the model computes from one row's columns by ``formula`` (see contracts/formula.py).

    ``monotone`` is PD's direction as for a column. ``replaces`` names columns that the model sees only
    through derived features: an appraised value means little beside the loan's current LTV, and a national
    series such as the mortgage rate would let trees learn the calendar.
    """

    name: str
    formula: str
    label: str
    description: str
    unit: str | None = None
    monotone: int = 0
    replaces: tuple[str, ...] = ()

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The columns the formula reads."""
        return columns_of(self.formula)


@dataclass(frozen=True)
class Factor:
    """Features that one reason code speaks for, the telling one first: ltv and current LTV are one reason."""

    name: str
    label: str
    features: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A rule about the whole table: ``metric`` (of ``column``, if given) must lie in [minimum, maximum]."""

    name: str
    metric: str
    severity: str
    description: str
    column: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Contract:
    """A table: its columns in order and its rules.

    ``tolerated_invalid_percent`` is the share of rows that may break a column's rule before the table as a
    whole is refused: raw tables tolerate some because the ETL sets bad rows aside; derived tables none.
    ``derived`` features and ``factors`` tell a model what to compute and how to name its reasons, ``split`` how
    its rows are divided for training and validation.
    """

    name: str
    version: str
    description: str
    grain: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    key: tuple[str, ...] = ()
    tolerated_invalid_percent: float = 0.0
    derived: tuple[DerivedFeature, ...] = ()
    factors: tuple[Factor, ...] = ()
    split: Split | None = None

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    @property
    def feature_labels(self) -> dict[str, str]:
        """Feature column or derived feature -> its name in plain words."""
        columns = {column.name: column.label for column in self.with_role("feature")}
        return columns | {feature.name: feature.label for feature in self.derived}

    @property
    def level_labels(self) -> dict[str, dict[str, str]]:
        """Column -> code -> what it means, of the codes that say so."""
        found = {
            column.name: {str(code): label for code, label in zip(column.allowed, column.allowed_labels, strict=True)}
            for column in self.columns
            if column.allowed and column.allowed_labels
        }
        return {name: {c: label for c, label in labels.items() if label} for name, labels in found.items()}

    def column(self, name: str) -> Column:
        """The column called ``name``; ContractError, naming the columns there are, if there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise ContractError(
                f"table {self.name} has no column {name!r}; it has {', '.join(self._by_name)}"
            ) from None

    def with_role(self, role: str) -> tuple[Column, ...]:
        """The columns of one role, in the table's order."""
        if role not in ROLES:
            raise ContractError(f"there is no role {role!r}; roles are {', '.join(ROLES)}")
        return tuple(column for column in self.columns if column.role == role)
