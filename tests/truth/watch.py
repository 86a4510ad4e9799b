"""Run by the SageMaker runtime: `python watch.py <model> <panel> <first> <last> [fault …]` monitors the nights between.

One line of JSON a night that has findings: its date and its breaches as [kind, feature, message]. The last line counts
the nights.
"""

import json
import sys
from datetime import date
from pathlib import Path

from local_platform.history.book import read_book
from local_platform.history.nights import nights
from simulator.faults import Fault

model, panel, first, last, *faults = sys.argv[1:]
days = date.fromisoformat(first), date.fromisoformat(last)
count = 0
for document in nights(read_book("1", Path(model), Path(panel), *days), *days, tuple(map(Fault.parse, faults))):
    count += 1
    breaches = [f for f in document["findings"] if f["severity"] == "breach"]
    if breaches:
        found = [[f["kind"], f["feature"], f["message"]] for f in breaches]
        print(json.dumps({"date": document["score_date"], "breaches": found}))
print(json.dumps({"nights": count}))
