"""Put a folder of loan files into S3's raw-data/, as a lender's nightly delivery would."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from boto3.s3.transfer import TransferConfig

from local_platform.clients.aws import aws_client
from local_platform.command import CommandError
from local_platform.delivery import etl
from local_platform.settings import Platform


class LandingError(CommandError):
    """The folder cannot be landed; the message names what was looked for and where."""


@dataclass(frozen=True)
class Named:
    """Files of one raw table: the pattern of their names, without the ending, and names that would do."""

    pattern: str
    example: str


# The tables of each source that a folder may hold flat. Freddie Mac's non-standard loans (excl) and HARP loans have the
# standard layout, and its files until 2018 a 1 in their names.
SOURCES: Mapping[str, Mapping[str, Named]] = {
    "fannie_mae": {
        "fannie_mae_acquisition": Named(r"Acquisition_.*", "Acquisition_2007Q3.txt"),
        "fannie_mae_performance": Named(r"Performance_.*", "Performance_2007Q3.txt"),
    },
    "freddie_mac": {
        "freddie_mac_origination": Named(
            r"sample_orig_.*|(harp_)?historical_data1?(_excl)?(_(?!time|excl).*)?",
            "historical_data_2016Q1.txt (or sample_orig_2016.txt)",
        ),
        "freddie_mac_performance": Named(
            r"sample_(svcg|perf)_.*|(harp_)?historical_data1?(_excl)?_time.*",
            "historical_data_time_2016Q1.txt (or sample_svcg_2016.txt)",
        ),
    },
    "fannie_mae_current": {"fannie_mae_current": Named(r"\d{4}Q[1-4]|HARPLPPub", "2016Q1.csv")},
    "canonical": {table: Named(table, f"{table}.csv") for table in ("borrowers", "properties", "loans", "performance")},
}
ECONOMIC = {
    "economic_indicators": Named("economic_indicators", "economic_indicators.csv"),
    "fhfa_hpi": Named("HPI_AT_state", "HPI_AT_state.csv"),
    "laus_unemployment": Named("state_unemployment_sa_monthly", "state_unemployment_sa_monthly.csv.gz"),
    "pmms": Named("pmms", "pmms.csv"),
}
ENDINGS = r"\.(txt|csv)(\.gz)?"
LOOKS_LIKE_DATA = re.compile(r".*\.(txt|csv|zip|gz|bz2|xlsx?|parquet)", re.IGNORECASE)
EXTRACT = re.compile(r"ingest_date=(\d{4}-\d{2}-\d{2})")
SHOWN = 8


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Either a mirror of raw-data/ (<table>/ingest_date=…/files), then ``delivered`` is its newest day; or files side by
    side, by raw table. ``left_out``: files that may be data but that no table is made of.
    """

    source: str
    files: Mapping[str, tuple[Path, ...]]
    delivered: str | None = None
    left_out: tuple[Path, ...] = field(default=())

    def as_argument(self) -> str:
        return etl.as_argument(self.files)

    def say_what_is_not_read(self) -> None:
        if self.left_out:
            print(f"warning: not read, as no table is made of them: {_listed(self.left_out)}", file=sys.stderr)


@dataclass(frozen=True)
class Delivery:
    """Files of one delivery: (local file, key under raw-data/), the source they are of, the date they are known."""

    source: str
    as_of_date: str
    files: tuple[tuple[Path, str], ...]


def look_into(folder: Path) -> Found:
    """The loan files of a folder, told by their names. LandingError unless they are those of one source."""
    if not folder.is_dir():
        raise LandingError(f"{folder} is {'a file' if folder.exists() else 'not there'}; name a folder of loan files")
    mirrored = [path for path in sorted(folder.glob("*/ingest_date=*/*")) if path.is_file()]
    if mirrored:
        return _mirror(folder, mirrored)
    candidates = {
        source: {table: tuple(_matching(folder, named)) for table, named in tables.items()}
        for source, tables in SOURCES.items()
    }
    complete = [source for source, found in candidates.items() if all(found.values())]
    if len(complete) > 1:
        examples = "; ".join(f"{source} ({_listed(_all(candidates[source]))})" for source in complete)
        raise LandingError(
            f"{folder} holds files of {len(complete)} sources, {examples}. Give each a folder of its own."
        )
    if not complete:
        raise LandingError(_nothing_known(folder, candidates))
    files = candidates[complete[0]]
    read = {path for paths in files.values() for path in paths}
    read |= {path for named in ECONOMIC.values() for path in _matching(folder, named)}
    others = (path for path in sorted(folder.iterdir()) if path.is_file() and path not in read)
    return Found(complete[0], files, left_out=tuple(path for path in others if LOOKS_LIKE_DATA.fullmatch(path.name)))


def describe(folder: Path, economic: Path | None = None, as_of: str | None = None) -> Delivery:
    """What a folder holds, as it lies under raw-data/. The ETL says of flat files whether and until when it reads them.

    Economic files are looked for in the folder, in `economic`, and in a folder `economic` beside it.
    """
    if economic and not economic.is_dir():
        raise LandingError(f"{economic} is {'a file' if economic.exists() else 'not there'}; name a folder")
    found = look_into(folder)
    found.say_what_is_not_read()
    if found.delivered:
        keyed = [(path, path.relative_to(folder).as_posix()) for paths in found.files.values() for path in paths]
        return Delivery(found.source, as_of or found.delivered, tuple(keyed))
    economy = _economic_files([folder, *([economic] if economic else []), folder.parent / "economic"])
    known = ["--as_of_date", as_of] if as_of else []
    asked = ("--source", found.source, "--files", found.as_argument(), "--date_only", *known)
    as_of = etl.reconcile(*asked, stdout=subprocess.PIPE).split()[-1]
    files = {**found.files, **economy}
    keyed = [(path, f"{table}/ingest_date={as_of}/{path.name}") for table, paths in files.items() for path in paths]
    return Delivery(found.source, as_of, tuple(keyed))


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


def _mirror(folder: Path, files: Iterable[Path]) -> Found:
    by_table: dict[str, tuple[Path, ...]] = {}
    days = set()
    for path in files:
        table = path.relative_to(folder).parts[0]
        by_table[table] = (*by_table.get(table, ()), path)
        if day := EXTRACT.search(path.parent.name):
            days.add(day.group(1))
    source = next((source for source, tables in SOURCES.items() if set(tables) <= set(by_table)), None)
    if source is None or not days:
        needed = "; ".join(f"{source}: {', '.join(tables)}" for source, tables in SOURCES.items())
        raise LandingError(
            f"{folder} holds the tables {', '.join(sorted(by_table))}; no source has these. A source needs folders "
            f"<table>/ingest_date=YYYY-MM-DD of each of its tables ({needed})."
        )
    return Found(source, by_table, delivered=max(days))


def _economic_files(places: Iterable[Path]) -> dict[str, tuple[Path, ...]]:
    """Of each economic table the files of the first place that has some. LandingError where no place has any."""
    there = [place for place in places if place.is_dir()]
    found = {
        table: next((files for place in there if (files := tuple(_matching(place, named)))), ())
        for table, named in ECONOMIC.items()
    }
    if not any(found.values()):
        examples = ", ".join(named.example for named in ECONOMIC.values())
        raise LandingError(
            f"there is no economic data in {', '.join(map(str, there))}. Files that would do, one or more: {examples}. "
            "Put them into the folder, into a folder 'economic' beside it, or name theirs by ECONOMIC=<folder>."
        )
    return found


def _matching(folder: Path, named: Named) -> list[Path]:
    pattern = re.compile(rf"({named.pattern}){ENDINGS}", re.IGNORECASE)
    return [path for path in sorted(folder.iterdir()) if path.is_file() and pattern.fullmatch(path.name)]


def _nothing_known(folder: Path, candidates: Mapping[str, Mapping[str, tuple[Path, ...]]]) -> str:
    """What the folder holds, what is missing beside it or what to do with it, and which files would do."""
    there = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    said = [f"no loan files known in {folder}, which holds {_listed(there) or 'nothing'}."]
    for source, found in candidates.items():
        if any(found.values()):
            lacking = [SOURCES[source][table].example for table, paths in found.items() if not paths]
            said.append(f"{_listed(_all(found))} is of {source}, but there is no {' and no '.join(lacking)}.")
    below = sorted({path.parent for path in folder.glob("*/*") if LOOKS_LIKE_DATA.fullmatch(path.name)})
    if below:
        said.append(f"There is data in {_listed(below)} below it: name that folder, or put all files into one.")
    if archives := [path for path in there if path.suffix.lower() == ".zip"]:
        said.append(f"Unpack {_listed(archives)} first.")
    names = "; ".join(
        f"{' with '.join(named.example for named in tables.values())} ({source})" for source, tables in SOURCES.items()
    )
    return " ".join([*said, f"Names that would do: {names}."])


def _all(files: Mapping[str, tuple[Path, ...]]) -> Iterable[Path]:
    return itertools.chain.from_iterable(files.values())


def _listed(paths: Iterable[Path]) -> str:
    names = [path.name for path in paths]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
