"""What a folder of loan files is taken for, and what is said of one that is nothing known."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from local_platform.landing import LandingError, describe


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_fannie_mae_files_and_the_economic_folder_beside_them(tmp_path):
    write(tmp_path / "tape/Acquisition_2007Q3.txt", "1|R\n")
    write(tmp_path / "tape/Performance_2007Q3.txt", "1|11/01/2017|\n1|02/01/2016|\n1|13/45/2099|\n1|01/01/2999|\n")
    write(tmp_path / "economic/pmms.csv", "month\n")
    delivery = describe(tmp_path / "tape")
    assert (delivery.source, delivery.as_of_date) == ("fannie_mae", "2017-11-30")
    assert [key for _, key in delivery.files] == [
        "fannie_mae_acquisition/ingest_date=2017-11-30/Acquisition_2007Q3.txt",
        "fannie_mae_performance/ingest_date=2017-11-30/Performance_2007Q3.txt",
        "pmms/ingest_date=2017-11-30/pmms.csv",
    ]


def test_canonical_files_may_be_compressed_and_end_in_december(tmp_path):
    for table in ("borrowers", "properties", "loans"):
        write(tmp_path / f"{table}.csv", "loan_id\n1\n")
    with gzip.open(tmp_path / "performance.csv.gz", "wt") as file:
        file.write("loan_id,reporting_month\n1,2019-12-01\n")
    delivery = describe(tmp_path)
    assert (delivery.source, delivery.as_of_date) == ("canonical", "2019-12-31")


def test_a_mirror_of_raw_data_is_landed_as_it_is(tmp_path):
    for table in ("borrowers", "properties", "loans", "performance"):
        write(tmp_path / f"{table}/ingest_date=2020-01-10/part-0.csv", "x\n")
    write(tmp_path / "performance/ingest_date=2019-12-10/part-0.csv", "x\n")
    write(tmp_path / "truth/true_pd.parquet", "not a delivery")
    delivery = describe(tmp_path)
    assert (delivery.source, delivery.as_of_date) == ("canonical", "2020-01-10")
    assert len(delivery.files) == 5


def test_the_business_date_can_be_given(tmp_path):
    write(tmp_path / "Acquisition_1.txt", "1\n")
    write(tmp_path / "Performance_1.txt", "1|nonsense\n")
    assert describe(tmp_path, as_of="2012-06-30").as_of_date == "2012-06-30"
    with pytest.raises(LandingError, match=r"Performance_1\.txt.*AS_OF"):
        describe(tmp_path)


def test_an_unknown_folder_is_refused_in_words(tmp_path):
    write(tmp_path / "holiday.jpg", "")
    with pytest.raises(LandingError, match=r"holiday\.jpg.*Known: fannie_mae"):
        describe(tmp_path)
    with pytest.raises(LandingError, match="no folder"):
        describe(tmp_path / "missing")
