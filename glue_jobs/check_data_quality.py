"""Glue job: runs a contract's expectation suite on a source, a loan panel or a scoring input.

Arguments
    --suite         raw | loan_panel | scoring_input
    --source        one of contracts/sources.py
    --run_date      as of which date ages and the future are judged, YYYY-MM-DD
    --data_root     the prefix whose _manifest.json publishes the data (raw: the clean tables)
    --horizon_months
    --result_root   where results of all suites live
    --report_age_warning_days, --report_age_error_days
                    scoring_input: how many days before the run's date its newest reporting month may have ended
    --ingest_age_warning_days, --ingest_age_error_days
                    raw and scoring_input: how many days before it the loan tapes may have been delivered

Writes <result_root>/<suite>/source=<s>/run_date=<d>/result.json and data_docs/. A failed check does not fail
the job: the caller reads "success" and decides. Data that cannot be read is a failed check; a defect of this
program is not.
"""

from __future__ import annotations

import importlib
import json
import tempfile
import threading
from datetime import date
from pathlib import Path

from contracts.faults import SettingError
from data_quality.freshness import AgeLimit
from data_quality.outcomes import summarize
from data_quality.results import previous_result, result_root, upload_folder
from data_quality.suites import PANEL, RAW, SUITES, panel_subject, raw_subject, scoring_subject
from data_quality.validation import Validator
from mortgage_etl.publishing.objects import write_json
from mortgage_etl.run.start import start_job

AGES = ("report_age", "ingest_age")
ARGUMENTS = ["suite", "source", "run_date", "data_root", "horizon_months", "result_root"]
ARGUMENTS += [f"{age}_{severity}_days" for age in AGES for severity in ("warning", "error")]


def main() -> None:
    # Great Expectations takes 7 to 18 seconds to import; Spark starts and reads meanwhile.
    threading.Thread(target=importlib.import_module, args=("great_expectations",), daemon=True).start()
    args, glue, job = start_job(ARGUMENTS)
    suite, source, as_of_date = args["suite"], args["source"], date.fromisoformat(args["run_date"])
    if suite not in SUITES:
        raise SettingError(f"there is no suite {suite!r}; suites are {', '.join(SUITES)}")
    results = f"{args['result_root'].rstrip('/')}/{suite}/source={source}"
    before = previous_result(results, as_of_date)
    previous = before["row_counts"] if before else {}
    reported, ingest = (AgeLimit.of(age, args) for age in AGES)
    spark, data = glue.spark_session, args["data_root"]
    if suite == RAW:
        subject = raw_subject(spark, source, data, as_of_date, previous, ingest)
    elif suite == PANEL:
        subject = panel_subject(spark, data, as_of_date, int(args["horizon_months"]), previous)
    else:
        subject = scoring_subject(spark, data, as_of_date, previous, reported, ingest)

    validator = Validator()
    outcomes = list(subject.outcomes)
    for table in subject.tables:
        outcomes += validator.run(table.name, table.frame, table.checks)
    result = summarize(suite, outcomes)
    here = result_root(results, as_of_date)
    write_json(f"{here}/result.json", result)
    if subject.tables:
        with tempfile.TemporaryDirectory() as folder:
            validator.write_data_docs(Path(folder))
            upload_folder(Path(folder), f"{here}/data_docs")
    for entry in result["expectations"]:
        if not entry["success"]:
            print(f"{entry['severity'].upper()} {entry['message']}")
    job.commit()
    summary = {key: value for key, value in result.items() if key != "expectations"}
    print(json.dumps({**summary, "result": f"{here}/result.json"}))


if __name__ == "__main__":
    main()
