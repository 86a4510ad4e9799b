"""The states of the book: share of loans, cyclicality of prices and jobs, ZIP-code range, foreclosure
process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# code: (share of loans, house-price beta to the national cycle, unemployment beta, unemployment offset,
# first and last ZIP-3, judicial foreclosure). Shares follow the agencies' books roughly. A beta is set so
# that the peak-to-trough fall of 2006-2012 comes near the state's FHFA index (NV about -58 %, TX about
# flat); non-listed details are of no account.
_TABLE: dict[str, tuple[float, float, float, float, int, int, bool]] = {
    "AK": (0.2, 0.4, 0.4, 1.2, 995, 999, False), "AL": (1.3, 0.8, 1.2, -0.4, 350, 369, False),
    "AR": (0.7, 0.6, 0.7, 0.0, 716, 729, False), "AZ": (2.9, 2.1, 1.2, -0.1, 850, 865, False),
    "CA": (14.5, 1.7, 1.35, 0.7, 900, 961, False), "CO": (2.6, 0.6, 1.05, -0.4, 800, 816, False),
    "CT": (1.2, 0.9, 0.9, 0.3, 60, 69, True), "DC": (0.2, 0.4, 0.8, 1.3, 200, 205, False),
    "DE": (0.3, 1.1, 0.9, -0.3, 197, 199, True), "FL": (6.3, 2.0, 1.35, -0.3, 320, 349, True),
    "GA": (3.3, 1.2, 1.15, 0.1, 300, 319, False), "HI": (0.5, 0.8, 0.9, -1.0, 967, 968, True),
    "IA": (0.9, 0.5, 0.6, -1.1, 500, 528, True), "ID": (0.6, 1.5, 1.0, -0.8, 832, 838, False),
    "IL": (4.5, 1.2, 1.15, 0.6, 600, 629, True), "IN": (2.0, 0.6, 1.15, 0.1, 460, 479, True),
    "KS": (0.7, 0.5, 0.65, -0.5, 660, 679, True), "KY": (1.1, 0.5, 1.0, 0.5, 400, 427, True),
    "LA": (1.0, 0.5, 0.6, 0.3, 700, 714, True), "MA": (2.8, 0.8, 0.8, -0.2, 10, 27, False),
    "MD": (2.6, 1.3, 0.75, -0.6, 206, 219, False), "ME": (0.4, 0.8, 0.8, -0.3, 39, 49, True),
    "MI": (3.1, 1.4, 1.5, 1.0, 480, 499, False), "MN": (2.3, 1.2, 0.8, -0.7, 550, 567, False),
    "MO": (1.8, 0.8, 0.95, 0.0, 630, 658, False), "MS": (0.4, 0.6, 0.9, 1.2, 386, 397, False),
    "MT": (0.3, 0.7, 0.8, -0.6, 590, 599, False), "NC": (3.0, 0.8, 1.25, 0.0, 270, 289, False),
    "ND": (0.15, 0.2, 0.3, -1.9, 580, 588, True), "NE": (0.5, 0.5, 0.45, -1.6, 680, 693, False),
    "NH": (0.5, 1.0, 0.65, -1.1, 30, 38, False), "NJ": (3.3, 1.1, 1.0, 0.2, 70, 89, True),
    "NM": (0.6, 1.0, 0.8, 0.5, 870, 884, True), "NV": (1.4, 2.5, 1.65, 0.3, 889, 898, False),
    "NY": (4.2, 0.7, 0.85, 0.1, 100, 149, True), "OH": (3.1, 0.8, 1.1, 0.5, 430, 459, True),
    "OK": (0.8, 0.4, 0.6, -0.5, 730, 749, True), "OR": (1.7, 1.4, 1.2, 0.5, 970, 979, False),
    "PA": (3.3, 0.7, 0.85, 0.2, 150, 196, True), "RI": (0.4, 1.3, 1.25, 0.7, 28, 29, False),
    "SC": (1.5, 0.9, 1.25, 0.4, 290, 299, True), "SD": (0.25, 0.3, 0.45, -1.6, 570, 577, False),
    "TN": (1.9, 0.7, 1.1, 0.1, 370, 385, False), "TX": (6.8, 0.4, 0.8, -0.3, 750, 799, False),
    "UT": (1.3, 1.2, 0.95, -1.1, 840, 847, False), "VA": (3.2, 1.1, 0.75, -0.9, 220, 246, False),
    "VT": (0.2, 0.6, 0.6, -0.8, 50, 59, True), "WA": (3.1, 1.2, 1.0, 0.5, 980, 994, False),
    "WI": (2.1, 0.8, 0.95, -0.2, 530, 549, True), "WV": (0.3, 0.5, 0.8, 0.8, 247, 268, False),
    "WY": (0.2, 0.5, 0.6, -0.8, 820, 831, False),
}  # fmt: skip


@dataclass(frozen=True)
class States:
    """Arrays aligned on `codes` (S,)."""

    codes: np.ndarray
    share: np.ndarray
    price_beta: np.ndarray
    unemployment_beta: np.ndarray
    unemployment_offset: np.ndarray
    zip3_first: np.ndarray
    zip3_last: np.ndarray
    judicial: np.ndarray


def load_states() -> States:
    columns = list(zip(*_TABLE.values(), strict=True))
    share = np.array(columns[0])
    return States(
        codes=np.array(list(_TABLE)),
        share=share / share.sum(),
        price_beta=np.array(columns[1]),
        unemployment_beta=np.array(columns[2]),
        unemployment_offset=np.array(columns[3]),
        zip3_first=np.array(columns[4]),
        zip3_last=np.array(columns[5]),
        judicial=np.array(columns[6]),
    )


STATES = load_states()
