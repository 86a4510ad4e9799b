"""From a loan's score back to what its model was trained on: `python -m mortgage_risk.release.trail --help`.

Reads only what the pipeline recorded: the scores' manifest, the model package's metadata, the panel's manifest. Needs
boto3 and pyarrow and AWS credentials in the environment; with AWS_ENDPOINT_URL it reads the local AWS.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from typing import Any

from mortgage_risk import aws
from mortgage_risk.layout import Layout, manifest

EVIDENCE = (
    "training_job", "as_of_date", "approved_by", "approved_at", "effective_from", "withdrawn_from", "withdrawn_by",
    "withdrawn_reason", "git_commit", "code_sha256"
)  # fmt: skip


class TrailLost(RuntimeError):
    """A link of the chain is missing; the message says which."""


def follow(
    s3: Any, sagemaker: Any, layout: Layout, *, source: str, score_date: str, loan_id: str | None
) -> dict[str, Any]:
    """{"score", "scores", "scoring_input", "model", "training_data"}, each with its S3 URIs or ARN.

    `score` is the loan's row, None if no loan is asked for. TrailLost where the loan or a record is missing.
    """
    prefix = layout.scores(source, score_date)
    scores = _manifest(s3, prefix, f"No scores of {source} loans for {score_date}")
    arn = scores["model_package_arn"]
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    metadata = package.get("CustomerMetadataProperties", {})
    panel_uri = metadata.get("panel_manifest_uri")
    if not panel_uri:
        raise TrailLost(f"Model package {arn} does not say what it was trained on (no panel_manifest_uri)")
    panel = _manifest(s3, panel_uri.removesuffix("_manifest.json"), f"The panel of {arn} is gone")
    return {
        "score": None if loan_id is None else _score(s3, prefix, scores, loan_id),
        "scores": {"uri": scores["data_prefix"], "rows": scores["rows"], "job_run_id": scores.get("job_run_id")},
        "scoring_input": scores.get("input_prefix"),
        "model": {
            "arn": arn,
            "version": package["ModelPackageVersion"],
            "artifact": package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
            **{name: metadata.get(name) for name in EVIDENCE},
        },
        "training_data": {
            "uri": panel["data_prefix"],
            "rows": panel["rows"],
            "recorded_fingerprint": metadata.get("panel_fingerprint"),
            "unchanged_since_training": metadata.get("panel_fingerprint")
            == aws.fingerprint(s3, panel["data_prefix"], until=metadata.get("as_of_date", "9999-12-31")),
            "partitions": sorted({file["key"].rpartition("/")[0] for file in panel["files"]}),
        },
    }


def _manifest(s3: Any, prefix: str, problem: str) -> dict[str, Any]:
    if not aws.exists(s3, manifest(prefix)):
        raise TrailLost(f"{problem}: {manifest(prefix)} does not exist")
    return aws.read_json(s3, manifest(prefix))


def _score(s3: Any, prefix: str, scores: dict[str, Any], loan_id: str) -> dict[str, Any]:
    import pyarrow.parquet

    for file in scores["files"]:
        if file["key"].endswith(".parquet"):
            body = io.BytesIO(aws.read_bytes(s3, prefix + file["key"]))
            if rows := pyarrow.parquet.read_table(body, filters=[("loan_id", "==", loan_id)]).to_pylist():
                return {**rows[0], "file": prefix + file["key"]}
    raise TrailLost(f"Loan {loan_id} is not among the {scores['rows']} loans of {scores['data_prefix']}")


def main(arguments: list[str] | None = None) -> int:
    import boto3

    parser = argparse.ArgumentParser(prog="python -m mortgage_risk.release.trail", description=__doc__.split("\n\n")[0])
    parser.add_argument("--score-date", required=True)
    parser.add_argument("--loan-id")
    parser.add_argument("--source", default="canonical")
    parser.add_argument("--bucket", default="mortgage-loan-ml")
    parser.add_argument("--model-name", default="mortgage-default-risk")
    given = parser.parse_args(arguments)
    clients = boto3.client("s3"), boto3.client("sagemaker")
    layout = Layout(given.bucket, given.model_name)
    try:
        found = follow(*clients, layout, source=given.source, score_date=given.score_date, loan_id=given.loan_id)
    except TrailLost as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2, default=str))
    return 0


def script() -> int:
    """The program on AWS: what AWS refuses is told in one line."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return main()
    except (BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(script())
