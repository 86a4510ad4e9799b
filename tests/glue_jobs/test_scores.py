"""Scores: every loan exactly once, identical bytes on a re-run, nothing published otherwise."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

NIGHT = date(2012, 1, 31)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/mortgage/1"


def texts(spark, rows, *names):
    return spark.createDataFrame(pd.DataFrame(rows, columns=names), ", ".join(f"{name} string" for name in names))


@pytest.fixture(scope="module")
def loans(spark):
    return texts(spark, [["B"], ["A"], ["C"]], "loan_id").persist()


def reconcile(spark, loans, rows, expected=3):
    from mortgage_etl.scores import reconcile_scores

    padded = [[*row, *[None] * (3 + len(REASONS) - len(row))] for row in rows]
    return reconcile_scores(loans, texts(spark, padded, "loan_id", "pd", "grade", *REASONS), expected)


REASONS = ["reason_1", "reason_2", "reason_3", "reason_4"]
GOOD = [["C", "0.5", "9", "delinquency:high", "credit_score:low", ""], ["A", "1e-3", "1"], ["B", "0.02", "3"]]


def two_scores():
    reasons = {"reason_1": ["credit_score:low", None], **dict.fromkeys(REASONS[1:], None)}
    return pd.DataFrame({"loan_id": ["A", "B"], "pd": [0.001, 0.25], "grade": ["1", "8"], **reasons})


def test_scores_are_sorted_and_typed(spark, loans):
    scores = reconcile(spark, loans, GOOD)
    assert scores.to_dict("list") == {
        "loan_id": ["A", "B", "C"],
        "pd": [0.001, 0.02, 0.5],
        "grade": ["1", "3", "9"],
        "reason_1": [None, None, "delinquency:high"],
        "reason_2": [None, None, "credit_score:low"],
        "reason_3": [None] * 3,
        "reason_4": [None] * 3,
    }


def test_all_that_does_not_match_is_counted_in_one_message(spark, loans):
    from mortgage_etl.scores import ScoresError

    rows = [["A", "1.5", "1"], ["B", "0.1", ""], ["B", "0.1", ""], ["X", "0.1", "1"], ["Y", "0.1", "1"]]
    with pytest.raises(ScoresError) as error:
        reconcile(spark, loans, rows, expected=4)
    message = str(error.value)
    for words in (
        "1 missing",
        "1 scored more than once",
        "2 not in the input",
        "1 with a PD that is no number from 0 to 1",
        "1 without a grade",
        "-1 fewer or more input rows than its manifest says",
    ):
        assert words in message


def test_the_same_scores_give_the_same_object_and_replace_the_last(tmp_path):
    from mortgage_etl.scores import publish_scores

    scores = two_scores()
    first = publish_scores(scores, NIGHT, str(tmp_path), ARN, 1, {"loans_in": 2})
    again = publish_scores(scores, NIGHT, str(tmp_path), ARN, 1, {"loans_in": 2})
    assert first["files"] == again["files"]
    assert first["grades"] == {"1": 1, "8": 1}
    assert first["pd"]["mean"] == pytest.approx(0.1255)
    assert sum(first["histogram"]["counts"]) == 2
    stored = pd.read_parquet(tmp_path / first["files"][0]["key"])
    assert stored["loan_id"].tolist() == ["A", "B"]
    assert stored["reason_1"].tolist() == ["credit_score:low", None]
    assert stored["score_date"].unique().tolist() == [NIGHT]
    other = publish_scores(scores, NIGHT, str(tmp_path), ARN, 2, {"loans_in": 2})
    assert other["files"] != first["files"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["_manifest.json", other["files"][0]["key"]])


def test_a_full_disk_leaves_the_published_scores_alone(tmp_path, monkeypatch):
    from mortgage_etl.publishing import objects
    from mortgage_etl.scores import publish_scores

    scores = two_scores()
    first = publish_scores(scores, NIGHT, str(tmp_path), ARN, 1, {})
    write = objects.write_bytes

    def full(uri, body):
        if uri.endswith("_manifest.json"):
            raise OSError(28, "No space left on device")
        write(uri, body)

    monkeypatch.setattr(objects, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        publish_scores(scores, NIGHT, str(tmp_path), ARN, 2, {})
    assert (tmp_path / first["files"][0]["key"]).exists()
    assert first["files"][0]["key"] in (tmp_path / "_manifest.json").read_text()
