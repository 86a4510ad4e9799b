"""Which economic delivery a run reads where a bucket holds the canonical table and the public files."""

from __future__ import annotations

from datetime import date

import pytest

from mortgage_etl.cleaning.public_economics import economic_extracts
from mortgage_etl.cleaning.source_tables import SourceError


@pytest.fixture
def bucket(tmp_path):
    for table, day in (("economic_indicators", "2015-01-10"), ("pmms", "2017-12-31")):
        file = tmp_path / table / f"ingest_date={day}" / "data.csv"
        file.parent.mkdir(parents=True)
        file.write_text("month\n2014-12-01\n")
    return str(tmp_path)


def test_the_delivery_known_last_is_read(spark, bucket):
    assert set(economic_extracts(spark, bucket, date(2015, 1, 10))) == {"economic_indicators"}
    assert set(economic_extracts(spark, bucket, date(2017, 12, 31))) == {"pmms"}


def test_nothing_delivered_yet_is_said_in_words(spark, bucket):
    with pytest.raises(SourceError, match="no extract at or before 2014-01-01"):
        economic_extracts(spark, bucket, date(2014, 1, 1))
