"""What a folder of loan files is taken for, and what is said of one that is nothing known."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from local_platform.delivery import etl, landing
from local_platform.delivery.landing import LandingError, describe, look_into

MONTH = "loan_id,reporting_month,current_upb,current_interest_rate,loan_age,months_to_maturity,delinquency_status,"
MONTH += "modification_flag,zero_balance_code,zero_balance_date,net_loss\n1,{},,,,,0,,,,\n"


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def asked(monkeypatch):
    """What the ETL is asked, which then says that the last month is November 2017."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(etl, "reconcile", lambda *words, stdout: asked.append(words) or "2017-11-30\n")
    return asked


def test_fannie_mae_files_and_the_economic_folder_beside_them(tmp_path, asked):
    for name in ("Acquisition_2007Q3.txt", "Performance_2007Q3.txt"):
        write(tmp_path / "tape" / name)
    write(tmp_path / "economic/pmms.csv")
    delivery = describe(tmp_path / "tape")
    assert (delivery.source, delivery.as_of_date) == ("fannie_mae", "2017-11-30")
    assert [key for _, key in delivery.files] == [
        "fannie_mae_acquisition/ingest_date=2017-11-30/Acquisition_2007Q3.txt",
        "fannie_mae_performance/ingest_date=2017-11-30/Performance_2007Q3.txt",
        "pmms/ingest_date=2017-11-30/pmms.csv",
    ]
    ((_, source, _, files, *rest),) = asked
    assert (source, rest) == ("fannie_mae", ["--date_only"])
    assert json.loads(files)["fannie_mae_performance"] == [str(tmp_path / "tape/Performance_2007Q3.txt")]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("historical_data_2016Q1.txt", "freddie_mac_origination"),
        ("historical_data_time_2016Q1.txt", "freddie_mac_performance"),
        ("historical_data_excl_2016Q1.txt", "freddie_mac_origination"),
        ("historical_data_excl_time_2016Q1.txt", "freddie_mac_performance"),
        ("historical_data1_Q12016.txt", "freddie_mac_origination"),
        ("historical_data1_time_Q12016.txt", "freddie_mac_performance"),
        ("harp_historical_data1.txt", "freddie_mac_origination"),
        ("harp_historical_data1_time.txt", "freddie_mac_performance"),
        ("SAMPLE_ORIG_2016.TXT.GZ", "freddie_mac_origination"),
        ("sample_perf_2016.txt", "freddie_mac_performance"),
        ("2016Q1.csv", "fannie_mae_current"),
        ("HARPLPPub.csv", "fannie_mae_current"),
        ("Acquisition_HARP.txt", "fannie_mae_acquisition"),
        ("2017Q1-part.csv", None),
        ("historical_data_2016Q1.zip", None),
        ("performance.csv.bak", None),
    ],
)
def test_a_file_is_of_the_table_that_its_publisher_gives_it(tmp_path, name, table):
    write(tmp_path / name)
    tables = {table: named for tables in landing.SOURCES.values() for table, named in tables.items()}
    assert [table for table, named in tables.items() if landing._matching(tmp_path, named)] == [table] * bool(table)


def test_the_etl_says_until_when_a_folder_reaches(tmp_path):
    for table in ("borrowers", "properties", "loans"):
        write(tmp_path / f"{table}.csv", "loan_id\n1\n")
    with gzip.open(tmp_path / "performance.csv.gz", "wt") as file:
        file.write(MONTH.format("2019-12-01"))
    write(tmp_path / "pmms.csv")
    with pytest.raises(etl.UnreadableFiles, match=r"borrowers\.csv: the header lacks credit_score"):
        describe(tmp_path)


def test_a_mirror_of_raw_data_is_landed_as_it_is(tmp_path):
    for table in ("borrowers", "properties", "loans", "performance"):
        write(tmp_path / f"{table}/ingest_date=2020-01-10/part-0.csv", "x\n")
    write(tmp_path / "performance/ingest_date=2019-12-10/part-0.csv", "x\n")
    write(tmp_path / "truth/true_pd.parquet", "not a delivery")
    delivery = describe(tmp_path)
    assert (delivery.source, delivery.as_of_date) == ("canonical", "2020-01-10")
    assert len(delivery.files) == 5


def test_the_business_date_can_be_given(tmp_path, asked):
    write(tmp_path / "Acquisition_1.txt")
    write(tmp_path / "Performance_1.txt")
    write(tmp_path / "pmms.csv")
    describe(tmp_path, as_of="2012-06-30")
    assert asked[0][-2:] == ("--as_of_date", "2012-06-30")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["holiday.jpg"], ["holds holiday.jpg", "Acquisition_2007Q3.txt with Performance_2007Q3.txt (fannie_mae)"]),
        (["2017Q1-part.csv"], ["holds 2017Q1-part.csv", "2016Q1.csv (fannie_mae_current)"]),
        (["historical_data_2016Q1.zip"], ["Unpack historical_data_2016Q1.zip first"]),
        (
            ["historical_data_2016Q1.txt"],
            ["historical_data_2016Q1.txt is of freddie_mac, but there is no historical_data_time_2016Q1.txt"],
        ),
        (["2016Q1.csv", "sample_orig_1.txt", "sample_svcg_1.txt"], ["2 sources", "2016Q1.csv", "folder of its own"]),
        (["unzipped/2016Q1.csv"], ["There is data in unzipped below it: name that folder"]),
        ([], ["holds nothing"]),
    ],
    ids=["nothing known", "part", "zip", "half", "two sources", "below", "empty"],
)
def test_a_folder_is_refused_in_words_with_the_names_that_would_do(tmp_path, names, words):
    for name in names:
        write(tmp_path / name)
    with pytest.raises(LandingError) as error:
        look_into(tmp_path)
    for word in [str(tmp_path), *words]:
        assert word in str(error.value)


def test_a_folder_that_is_none_is_refused(tmp_path):
    file = write(tmp_path / "2016Q1.csv")
    for place, words in ((tmp_path / "missing", "is not there"), (file, "is a file")):
        with pytest.raises(LandingError, match=words):
            look_into(place)
        with pytest.raises(LandingError, match=words):
            describe(tmp_path, economic=place)


def test_what_is_left_out_and_what_is_missing_is_said(tmp_path, capsys, asked):
    for name in ("2016Q1.csv", "2016Q2-part.csv", "Loan_Mapping.txt", "notes.md"):
        write(tmp_path / name)
    with pytest.raises(LandingError, match=r"no economic data.*HPI_AT_state\.csv.*ECONOMIC"):
        describe(tmp_path)
    said = "warning: not read, as no table is made of them: 2016Q2-part.csv, Loan_Mapping.txt\n"
    assert capsys.readouterr().err == said


def test_a_mirror_without_a_sources_tables_is_refused_with_what_it_needs(tmp_path):
    write(tmp_path / "performance/ingest_date=2020-01-10/part-0.csv")
    with pytest.raises(LandingError, match=r"canonical: borrowers, properties, loans, performance"):
        look_into(tmp_path)
