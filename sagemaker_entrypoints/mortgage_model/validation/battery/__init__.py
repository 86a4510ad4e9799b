"""The battery of tests, by section; importing this package registers them (see validation/checks.py).

records         is this the model, is this the data?       data            can the data be trusted?
discrimination  are defaulters ranked above the rest?      calibration     is a PD of 2 % a default rate of 2 %?
stability       is it still the same population?           robustness      does it stand small changes?
explanation     does it work as it should?                 benchmark       is it better than something simpler?
stress          does it see a crisis coming?               fairness        are groups treated alike?
reasons         are the reasons given there, and true?
"""

from mortgage_model.validation.battery import (
    benchmark,
    calibration,
    data,
    discrimination,
    explanation,
    fairness,
    reasons,
    records,
    robustness,
    stability,
    stress,
)

__all__ = [
    "benchmark",
    "calibration",
    "data",
    "discrimination",
    "explanation",
    "fairness",
    "reasons",
    "records",
    "robustness",
    "stability",
    "stress",
]
