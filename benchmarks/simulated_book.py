"""Measures a simulated book against its targets, and the simulator's own speed and memory.

    PYTHONPATH=. .runtimes/tooling/bin/python benchmarks/simulated_book.py --loans 50000

Prints the Markdown tables of docs/simulator.md. A book of 50,000 loans takes half a minute on two cores.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from simulator.settings import BookSettings, parse_month
from simulator.writer import default_workers, write_book

DEFAULT_CODES = ("02", "03", "09", "15")


def months(dates: pd.Series) -> pd.Series:
    stamps = pd.to_datetime(dates)
    return stamps.dt.year * 12 + stamps.dt.month - 1


def read(out: Path, table: str, columns: list[str]) -> pd.DataFrame:
    types = dict.fromkeys({"loan_id", "zero_balance_code", "delinquency_status"} & set(columns), str)
    files = sorted((out / table).rglob("*.csv"))
    return pd.concat([pd.read_csv(f, usecols=columns, dtype=types) for f in files], ignore_index=True)


def auc(label: np.ndarray, score: np.ndarray) -> float:
    ranks = pd.Series(score).rank().to_numpy()
    events = label.sum()
    return float((ranks[label == 1].sum() - events * (events + 1) / 2) / (events * (len(label) - events)))


def measure(out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """By vintage: borrowers, LTV, ever default, paid off. By year: speed, arrears, PD and AUC of truth."""
    columns = ["loan_id", "reporting_month", "delinquency_status", "zero_balance_code"]
    p = read(out, "performance", columns)
    p["t"], p["late"] = months(p.reporting_month), pd.to_numeric(p.delinquency_status, errors="coerce")
    default_month = p[(p.late >= 3) | p.zero_balance_code.isin(DEFAULT_CODES)].groupby("loan_id").t.min()
    paid = set(p[p.zero_balance_code == "01"].loan_id)
    loans = read(out, "loans", ["loan_id", "origination_date", "ltv"])
    scores = read(out, "borrowers", ["loan_id", "credit_score", "dti"])
    loans = loans.merge(scores)
    loans["default"], loans["paid off"] = loans.loan_id.isin(default_month.index), loans.loan_id.isin(paid)
    loans["high LTV"] = loans.ltv > 80
    vintage = pd.to_datetime(loans.origination_date).dt.year
    by_vintage = loans.groupby(vintage)[["credit_score", "ltv", "high LTV", "dti", "default", "paid off"]].mean()
    by_vintage.insert(0, "loans", loans.groupby(vintage).size())

    truth = pd.read_parquet(out / "truth" / "true_pd_12m")
    truth["t"] = months(truth.month)
    gap = truth.loan_id.map(default_month) - truth.t
    truth["default"] = ((gap > 0) & (gap <= 12)).astype(int)
    year = p.t // 12
    by_year = pd.DataFrame({"rows": p.groupby(year).size()})
    by_year["CPR"] = 1 - (1 - (p.zero_balance_code == "01").groupby(year).mean()) ** 12
    for name, late in (("30 days", p.late == 1), ("60 days", p.late == 2), ("90+ days", p.late >= 3)):
        by_year[name] = late.groupby(year).mean()
    mature = truth[truth.t <= p.t.max() - 12]
    grouped = mature.groupby(mature.t // 12)
    by_year["12m default"], by_year["true PD"] = grouped.default.mean(), grouped.true_pd_12m.mean()
    by_year["AUC of truth"] = grouped.apply(lambda g: auc(g.default.to_numpy(), g.true_pd_12m.to_numpy()))
    return by_vintage, by_year


def markdown(table: pd.DataFrame, formats: dict[str, str]) -> str:
    head = f"| {table.index.name or ''} | " + " | ".join(table.columns) + " |"
    rows = [
        f"| {index} | "
        + " | ".join("" if pd.isna(v) else format(v, formats.get(c, ".1%")) for c, v in row.items())
        + " |"
        for index, row in table.iterrows()
    ]
    return "\n".join([head, "|" + " --- |" * (len(table.columns) + 1), *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loans", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed-only", action="store_true", help="write the book and print time and memory, no tables")
    args = parser.parse_args()
    settings = BookSettings(args.loans, args.seed, parse_month("2006-01"), parse_month("2019-12"), dirt_rate=0.0)
    with tempfile.TemporaryDirectory() as folder:
        out, started = Path(folder) / "book", time.perf_counter()
        counts = write_book(settings, out, workers=default_workers(settings))
        seconds = time.perf_counter() - started
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        rows = counts.rows["performance"]
        speed = f"{rows / seconds:,.0f} a second"
        print(f"{args.loans:,} loans, {rows:,} loan-months in {seconds:.0f} s, {speed}, ", end="")
        print(f"largest process {peak / 1024:.0f} MiB, {default_workers(settings)} processes\n")
        if args.speed_only:
            return
        by_vintage, by_year = measure(out)
    whole = {"loans": ",.0f", "rows": ",.0f", "credit_score": ".0f", "ltv": ".1f", "dti": ".1f"}
    print(markdown(by_vintage, whole), "\n")
    print(markdown(by_year, {**whole, "AUC of truth": ".3f", "12m default": ".2%", "true PD": ".2%"}))


if __name__ == "__main__":
    main()
