"""Glue job: runs a contract's expectation suite on a source, a loan panel or a scoring input.

Arguments
    --suite         raw | loan_panel | scoring_input
    --source        canonical | fannie_mae | fannie_mae_current | freddie_mac
    --run_date      business date, YYYY-MM-DD
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
from data_quality.storage import previous_result, upload_folder, write_json
from data_quality.suites import dataset_subject, raw_subject
from data_quality.validation import Validator
from mortgage_etl.run.start import start_job

AGES = ("report_age", "ingest_age")
ARGUMENTS = ["suite", "source", "run_date", "data_root", "horizon_months", "result_root"]
ARGUMENTS += [f"{age}_{severity}_days" for age in AGES for severity in ("warning", "error")]
SUITES = ("raw", "loan_panel", "scoring_input")


def main() -> None:
    # Great Expectations takes 7 to 18 seconds to import; Spark starts and reads meanwhile.
    threading.Thread(target=importlib.import_module, args=("great_expectations",), daemon=True).start()
    args, glue, job = start_job(ARGUMENTS)
    suite, source, run_date = args["suite"], args["source"], date.fromisoformat(args["run_date"])
    if suite not in SUITES:
        raise SettingError(f"there is no suite {suite!r}; suites are {', '.join(SUITES)}")
    results = f"{args['result_root'].rstrip('/')}/{suite}/source={source}"
    previous = (previous_result(results, run_date) or {}).get("row_counts", {})
    reported, ingest = (AgeLimit.of(age, args) for age in AGES)
    if suite == "raw":
        subject = raw_subject(glue.spark_session, source, args["data_root"], run_date, previous, ingest)
    else:
        subject = dataset_subject(
            glue.spark_session,
            suite,
            args["data_root"],
            run_date,
            int(args["horizon_months"]),
            previous,
            reported,
            ingest,
        )

    validator = Validator()
    outcomes = list(subject.outcomes)
    for table in subject.tables:
        outcomes += validator.run(table.name, table.frame, table.checks)
    result = summarize(suite, outcomes)
    here = f"{results}/run_date={run_date}"
    write_json(f"{here}/result.json", result)
    if subject.tables:
        with tempfile.TemporaryDirectory() as folder:
            validator.write_data_docs(Path(folder))
            upload_folder(Path(folder), f"{here}/data_docs")
    for entry in result["expectations"]:
        if not entry["success"]:
            print(f"{entry['severity'].upper()} {entry['message']}")
    job.commit()
    summary = {key: result[key] for key in ("suite", "success", "statistics", "row_counts")}
    print(json.dumps({**summary, "result": f"{here}/result.json"}))


if __name__ == "__main__":
    main()
