"""The label rule of design section 5 in plain Python, from its text: shares no code with the ETL."""

from __future__ import annotations

from collections import defaultdict

CREDIT_EVENTS = {"02", "03", "09", "15"}


def status_number(text):
    """Months past due; None for XX, blanks and negative sentinels. R/RA: the property was taken over."""
    if text in ("R", "RA"):
        return 3
    try:
        number = int(float(text))
    except (TypeError, ValueError):
        return None
    return number if number >= 0 else None


def classify(timeline, horizon):
    """timeline: {month index: (status text, zero-balance code)} of one loan → {month: (state, label, prepaid)}."""
    default_months = [
        month
        for month, (status, code) in timeline.items()
        if code in CREDIT_EVENTS or (status_number(status) is not None and status_number(status) >= 3)
    ]
    default = min(default_months) if default_months else None
    payoffs = [month for month, (_, code) in timeline.items() if code == "01"]
    payoff = min(payoffs) if payoffs else None
    result = {}
    for month, (status, code) in timeline.items():
        if code:
            result[month] = ("terminated", None, None)
        elif default is not None and default <= month:
            result[month] = ("defaulted_or_after", None, None)
        elif status_number(status) is None:
            result[month] = ("unknown_delinquency", None, None)
        else:
            in_window = list(range(month + 1, month + horizon + 1))
            prepaid = 1 if payoff in in_window else 0
            if default in in_window:
                label = 1
            elif any(m >= month + horizon for m in timeline) or (payoff is not None and payoff <= month + horizon):
                label = 0
            else:
                label, prepaid = None, None
            result[month] = ("observation", label, prepaid)
    return result


def history(timeline, month):
    """Behaviour of a loan up to ``month``, recounted from scratch over calendar windows."""
    known = {
        m: status_number(status)
        for m, (status, _) in timeline.items()
        if m <= month and status_number(status) is not None
    }
    result = {}
    for size in (3, 6, 12):
        window = [status for m, status in known.items() if month - size < m <= month]
        result[f"times_30dpd_{size}m"] = sum(status >= 1 for status in window)
        result[f"times_60dpd_{size}m"] = sum(status >= 2 for status in window)
        result[f"worst_delinquency_{size}m"] = max(window)
    late = [m for m, status in known.items() if status >= 1]
    result["months_since_delinquency"] = month - max(late) if late else None
    return result


def totals(timelines, horizon):
    """The reconcile figures over {loan: timeline}, in all and by calendar year (month index // 12)."""
    names = ("rows_in", "loans", "observations", "defaults", "non_defaults", "immature", "prepaid", "quarantined")
    overall = dict.fromkeys(names, 0)
    by_year = defaultdict(lambda: dict.fromkeys(names, 0))
    for timeline in timelines.values():
        overall["loans"] += 1
        for year in {month // 12 for month in timeline}:
            by_year[str(year)]["loans"] += 1
        for month, (state, label, prepaid) in classify(timeline, horizon).items():
            for counts in (overall, by_year[str(month // 12)]):
                counts["rows_in"] += 1
                if state == "observation":
                    counts["observations"] += 1
                    counts["defaults"] += label == 1
                    counts["non_defaults"] += label == 0
                    counts["immature"] += label is None
                    counts["prepaid"] += prepaid == 1
    return overall, dict(by_year)
