"""A small synthetic loan panel with the columns of the loan_panel contract and a known true PD."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

# Hyperparameters of a model that trains in a second, as SageMaker passes them.
SMALL_MODEL = ("--n_estimators", "60", "--learning_rate", "0.2", "--min_child_weight", "2",
               "--early_stopping_rounds", "15")  # fmt: skip
STATES = np.array(["CA", "TX", "FL", "NY", "OH", "GA", "WA", "PR"])
STATE_SHARES = np.array([0.25, 0.2, 0.15, 0.15, 0.12, 0.08, 0.048, 0.002])


def make_panel(
    first_month: str = "2008-01",
    months: int = 96,
    rows_per_month: int = 160,
    horizon_months: int = 12,
    seed: int = 7,
) -> pd.DataFrame:
    """One row per (loan, month), months * rows_per_month rows, with `true_pd` beside the contract's columns.

    Labels are drawn from `true_pd`; those of the last `horizon_months` months are null except where
    the default has been seen already, as on a real tape.
    """
    rng = np.random.default_rng(seed)
    calendar = pd.period_range(first_month, periods=months, freq="M")
    n = months * rows_per_month
    t = np.repeat(np.arange(months), rows_per_month)

    def whole(low: float, high: float, values: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(values), low, high).astype("int32")

    credit_score = whole(480, 850, rng.normal(725, 55, n)).astype("float64")
    dti = np.round(np.clip(rng.normal(34, 10, n), 3, 64), 1)
    ltv = np.round(np.clip(rng.normal(76, 14, n), 20, 105), 1)
    original_upb = np.round(np.exp(rng.normal(12.2, 0.5, n)), -3)
    original_term = rng.choice([180, 240, 360], n, p=[0.2, 0.1, 0.7]).astype("int32")
    loan_age = np.minimum(rng.integers(0, 120, n), original_term - 24).astype("int32")
    paydown = np.clip(1 - 0.7 * loan_age / original_term + rng.normal(0, 0.02, n), 0.2, 1.0)
    interest_rate = np.round(rng.normal(5.4, 0.9, n), 3)
    house_prices = 1 + 0.18 * np.sin(2 * np.pi * t / 80)
    index_ratio = np.round(np.clip(house_prices + rng.normal(0, 0.08, n), 0.5, 2.0), 4)
    unemployment = np.round(6.5 - 2.0 * np.sin(2 * np.pi * t / 90) + rng.normal(0, 0.8, n), 1)
    delinquency = rng.choice([0, 1, 2], n, p=[0.94, 0.04, 0.02]).astype("int32")
    worst = {w: np.maximum(delinquency, rng.choice([0, 1, 2], n, p=[0.95, 0.035, 0.015])) for w in (3, 6, 12)}
    worst[6] = np.maximum(worst[6], worst[3])
    worst[12] = np.maximum(worst[12], worst[6])
    appraised_value = np.round(original_upb / (ltv / 100), 2)
    current_upb = np.round(original_upb * paydown, 2)
    current_ltv = 100 * current_upb / (appraised_value * index_ratio)
    modified = (rng.random(n) < 0.02).astype("int32")
    occupancy = rng.choice(["P", "S", "I"], n, p=[0.88, 0.05, 0.07])
    channel = rng.choice(["R", "B", "C"], n, p=[0.55, 0.2, 0.25])

    logit = (
        -4.1
        - 0.011 * (credit_score - 725)
        + 0.025 * (dti - 34)
        + 0.035 * (current_ltv - 70)
        + 1.5 * delinquency
        + 0.4 * worst[12]
        + 0.16 * (unemployment - 6)
        + 0.5 * modified
        + 0.3 * (occupancy == "I")
        + 0.3 * (channel == "B")
    )
    true_pd = 1 / (1 + np.exp(-logit))
    default = rng.random(n) < true_pd
    prepaid = ~default & (rng.random(n) < 0.12)
    seen = t < months - horizon_months
    seen_early = ~seen & (rng.random(n) < (months - 1 - t) / horizon_months)
    label = np.where(seen | (seen_early & (default | prepaid)), default.astype(float), np.nan)

    panel = pd.DataFrame(
        {
            "loan_id": [f"L{i:09d}" for i in rng.permutation(n)],
            "snapshot_month": calendar.astype(str).to_numpy()[t],
            "horizon_months": np.full(n, horizon_months, dtype="int32"),
            "origination_date": (calendar[t] - loan_age).to_timestamp().date,
            "first_payment_date": (calendar[t] - loan_age + 2).to_timestamp().date,
            "zip3": rng.choice(["900", "770", "331"], n),
            "appraised_value": appraised_value,
            "appraisal_date": (calendar[t] - loan_age).to_timestamp().date,
            "credit_score": np.where(rng.random(n) < 0.01, np.nan, credit_score),
            "dti": np.where(rng.random(n) < 0.03, np.nan, dti),
            "ltv": ltv,
            "cltv": np.round(ltv + np.where(rng.random(n) < 0.1, 10, 0), 1),
            "number_of_borrowers": rng.choice([1, 2], n).astype("int32"),
            "interest_rate": interest_rate,
            "original_upb": original_upb,
            "original_term": original_term,
            "mi_percentage": np.where(ltv > 80, 25.0, np.nan),
            "number_of_units": rng.choice([1, 2], n, p=[0.96, 0.04]).astype("int32"),
            "current_upb": current_upb,
            "current_interest_rate": interest_rate,
            "loan_age": loan_age,
            "months_to_maturity": (original_term - loan_age).astype("int32"),
            "delinquency_status": delinquency,
            **{f"worst_delinquency_{w}m": worst[w].astype("int32") for w in (3, 6, 12)},
            **{f"times_30dpd_{w}m": (worst[w] > 0).astype("int32") for w in (3, 6, 12)},
            **{f"times_60dpd_{w}m": (worst[w] > 1).astype("int32") for w in (3, 6, 12)},
            "months_since_delinquency": np.where(worst[12] > 0, np.where(delinquency > 0, 0.0, 5.0), np.nan),
            "modified": modified,
            "house_price_index_growth_12m": np.round(100 * 0.18 * np.cos(2 * np.pi * t / 80) * 0.9, 3),
            "house_price_index_ratio": index_ratio,
            "unemployment_rate": unemployment,
            "unemployment_change_12m": np.round(-1.5 * np.cos(2 * np.pi * t / 90) + rng.normal(0, 0.3, n), 1),
            "mortgage_rate_30y": np.round(4.6 + 0.6 * np.cos(2 * np.pi * t / 70), 2),
            "channel": channel,
            "loan_purpose": rng.choice(["P", "C", "R", "U"], n, p=[0.5, 0.25, 0.249, 0.001]),
            "product_type": rng.choice(["FRM", "ARM"], n, p=[0.9, 0.1]),
            "property_state": rng.choice(STATES, n, p=STATE_SHARES),
            "property_type": rng.choice(["SF", "CO", "PU"], n, p=[0.7, 0.1, 0.2]),
            "occupancy_status": occupancy,
            "first_time_homebuyer": pd.Series(rng.choice(["Y", "N", None], n, p=[0.2, 0.7, 0.1]), dtype=object),
            "valuation_method": rng.choice(["appraisal", "avm", "other"], n, p=[0.8, 0.15, 0.05]),
            "default_in_horizon": label,
            "prepaid_in_horizon": np.where(np.isnan(label), np.nan, prepaid.astype(float)),
            "true_pd": true_pd,
        }
    )
    return panel


INTEGER_COLUMNS = (
    "credit_score",
    "number_of_borrowers",
    "months_since_delinquency",
    "default_in_horizon",
    "prepaid_in_horizon",
)


def write_panel(panel: pd.DataFrame, folder: Path) -> Path:
    """Write as the ETL does: hive partitions by snapshot_month, integers as int32, no true_pd."""
    for month, rows in panel.drop(columns="true_pd", errors="ignore").groupby("snapshot_month"):
        rows = rows.drop(columns="snapshot_month")
        integers = [name for name in INTEGER_COLUMNS if name in rows and rows[name].dtype.kind == "f"]
        table = pa.Table.from_pandas(rows.astype(dict.fromkeys(integers, "Int32")), preserve_index=False)
        target = folder / f"snapshot_month={month}"
        target.mkdir(parents=True)
        pq.write_table(table.replace_schema_metadata(None), target / "part-00000.parquet")
    return folder
