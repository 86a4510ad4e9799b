"""Glue job: a batch transform's output → the night's published scores.

Arguments: --source S --score_date YYYY-MM-DD --input_root <inference input dataset prefix>
--transform_uri s3://…/<job>/ --model_package_arn A --model_package_version N --output_root <scores prefix>
--code_sha256 X. Prints one line of JSON at
the end. Fails, and publishes nothing, unless every loan of the input was scored exactly once with a PD from 0 to 1.

Re-running replaces the scores of this source and date; the same transform output gives the same bytes.
"""

from __future__ import annotations

import json
from datetime import date

from awsglue.context import GlueContext
from pyspark.sql import DataFrame

from mortgage_etl.publishing.attempts import read_manifest
from mortgage_etl.run.start import start_job
from mortgage_etl.scores import REASONS, publish_scores, reconcile_scores

OPTIONS = [
    "source",
    "score_date",
    "input_root",
    "transform_uri",
    "model_package_arn",
    "model_package_version",
    "output_root",
    "code_sha256",
]


def main() -> None:
    args, glue, job = start_job(OPTIONS)
    score_input = read_manifest(args["input_root"])
    loans = read_csv(glue, score_input["data_prefix"], ["loan_id"])
    scored = read_csv(glue, args["transform_uri"], ["loan_id", "pd", "grade", *REASONS])
    scores = reconcile_scores(loans, scored, score_input["rows"])
    manifest = publish_scores(
        scores,
        date.fromisoformat(args["score_date"]),
        args["output_root"],
        args["model_package_arn"],
        int(args["model_package_version"]),
        {
            "source": args["source"],
            "loans_in": score_input["rows"],
            "input_prefix": score_input["data_prefix"],
            "transform_uri": args["transform_uri"],
            "code_sha256": args["code_sha256"],
            "job_run_id": args.get("JOB_RUN_ID"),
        },
    )
    job.commit()
    print(json.dumps({name: manifest[name] for name in ("rows", "loans_in", "pd", "grades")}))


def read_csv(glue: GlueContext, uri: str, names: list[str]) -> DataFrame:
    """The first columns of header-less CSV files as text."""
    frame = glue.create_dynamic_frame.from_options(
        connection_type="s3",
        connection_options={"paths": [uri], "recurse": True},
        format="csv",
        format_options={"withHeader": False, "separator": ","},
    ).toDF()
    return frame.select(*[frame[f"col{index}"].alias(name) for index, name in enumerate(names)])


if __name__ == "__main__":
    main()
