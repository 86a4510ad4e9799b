"""Put a folder of loan files into S3's raw-data/, as a lender's nightly delivery would."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from boto3.s3.transfer import TransferConfig

from local_platform.aws import aws_client
from local_platform.settings import Platform


class LandingError(ValueError):
    """The folder cannot be landed; the message names what was looked for and where."""


# File-name patterns of the sources a folder may hold flat, by raw-data table.
FLAT_FILES = {
    "fannie_mae": {
        "fannie_mae_acquisition": r"Acquisition_.*\.(txt|csv)(\.gz)?",
        "fannie_mae_performance": r"Performance_.*\.(txt|csv)(\.gz)?",
    },
    "freddie_mac": {
        "freddie_mac_origination": r"(sample_orig_.*|historical_data_(?!time).*)\.txt(\.gz)?",
        "freddie_mac_performance": r"(sample_svcg_.*|historical_data_time_.*)\.txt(\.gz)?",
    },
    "fannie_mae_current": {"fannie_mae_current": r"\d{4}Q[1-4]\.(csv|txt)(\.gz)?"},
    "canonical": {table: rf"{table}\.csv(\.gz)?" for table in ("borrowers", "properties", "loans", "performance")},
}
ECONOMIC_FILES = {
    "economic_indicators": r"economic_indicators\.csv(\.gz)?",
    "fhfa_hpi": r"HPI_AT_state\.csv",
    "laus_unemployment": r"state_unemployment_sa_monthly\.csv(\.gz)?",
    "pmms": r"pmms\.csv",
}
EXTRACT = re.compile(r"ingest_date=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class Delivery:
    """Files of one delivery: (local file, key under raw-data/), the source they are of, the date they are known."""

    source: str
    as_of_date: str
    files: tuple[tuple[Path, str], ...]


def describe(folder: Path, economic: Path | None = None, as_of: str | None = None) -> Delivery:
    """What a folder holds: either a mirror of raw-data/ (<table>/ingest_date=…/files) or flat agency files.

    Economic files are looked for in the folder, in `economic`, and in a folder `economic` beside it.
    """
    if not folder.is_dir():
        raise LandingError(f"no folder {folder}")
    mirrored = tuple(
        (p, p.relative_to(folder).as_posix()) for p in sorted(folder.glob("*/ingest_date=*/*")) if p.is_file()
    )
    if mirrored:
        tables = {key.split("/")[0] for _, key in mirrored}
        source = next((s for s, patterns in FLAT_FILES.items() if set(patterns) <= tables), None)
        if source is None:
            raise LandingError(
                f"{folder} holds tables {', '.join(sorted(tables))}; no source has these. Known: {_known()}"
            )
        newest = max(EXTRACT.search(key).group(1) for _, key in mirrored if EXTRACT.search(key))  # type: ignore[union-attr]
        return Delivery(source, as_of or newest, mirrored)

    candidates = {
        source: {table: list(_matching(folder, pattern)) for table, pattern in patterns.items()}
        for source, patterns in FLAT_FILES.items()
    }
    source = next((source for source, found in candidates.items() if all(found.values())), None)
    if source is None:
        raise LandingError(
            f"no loan files known in {folder}: {', '.join(p.name for p in sorted(folder.iterdir())[:8])}. "
            f"Known: {_known()}"
        )
    found = candidates[source]
    as_of = as_of or _last_month_end(source, found)
    places = [place for place in (folder, economic, folder.parent / "economic") if place and place.is_dir()]
    for table, pattern in ECONOMIC_FILES.items():
        found[table] = next((files for place in places if (files := list(_matching(place, pattern)))), [])
    keyed = [(file, f"{table}/ingest_date={as_of}/{file.name}") for table, files in found.items() for file in files]
    return Delivery(source, as_of, tuple(keyed))


def land(platform: Platform, delivery: Delivery) -> int:
    """Upload the delivery; bytes written. The bucket is made where it is missing."""
    s3 = aws_client(platform, "s3")
    if platform.bucket not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=platform.bucket)
    total = 0
    for file, key in delivery.files:
        s3.upload_file(str(file), platform.bucket, f"raw-data/{key}", Config=TransferConfig(use_threads=False))
        total += file.stat().st_size
    return total


def mirror(delivery: Delivery, root: Path) -> None:
    """Lay the delivery out under `root` as it would lie under raw-data/, by links."""
    for file, key in delivery.files:
        link = root / key
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.resolve())


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    return (p for p in sorted(folder.iterdir()) if p.is_file() and re.fullmatch(pattern, p.name, re.IGNORECASE))


def _known() -> str:
    return "; ".join(f"{source} ({', '.join(patterns)})" for source, patterns in FLAT_FILES.items())


# Where a layout keeps the reporting month: table, column (a position where the file has no header), date format.
REPORTING_MONTH: dict[str, tuple[str, int | str, str]] = {
    "fannie_mae": ("fannie_mae_performance", 1, "%m/%d/%Y"),
    "fannie_mae_current": ("fannie_mae_current", 2, "%m%Y"),
    "freddie_mac": ("freddie_mac_performance", 1, "%Y%m"),
    "canonical": ("performance", "reporting_month", "%Y-%m-%d"),
}


def _last_month_end(source: str, found: dict[str, list[Path]]) -> str:
    """Last day of the newest reporting month in the files."""
    table, column, form = REPORTING_MONTH[source]
    months: set[str] = set()
    for file in found[table]:
        with gzip.open(file, "rt", newline="") if file.suffix == ".gz" else file.open(newline="") as lines:
            rows = csv.reader(lines, delimiter="," if source == "canonical" else "|")
            position = next(rows).index(column) if isinstance(column, str) else column
            months.update(row[position] for row in rows if len(row) > position)
    dates = []
    for month in months:
        # The ETL quarantines what is no date or a mistyped year; here they only cannot be the newest.
        with suppress(ValueError):
            day = datetime.strptime(month, form).date()
            dates += [day] if day <= datetime.now().date() else []
    if not dates:
        raise LandingError(
            f"no reporting month like {form} in column {column} of {', '.join(map(str, found[table]))}; "
            "name the business date yourself with AS_OF=YYYY-MM-DD"
        )
    newest = max(dates)
    return (date(newest.year + newest.month // 12, newest.month % 12 + 1, 1) - timedelta(days=1)).isoformat()
