"""`make coverage`: which checks it measures, how, and the table by package."""

from __future__ import annotations

from pathlib import Path

from local_platform.checks import checks
from local_platform.coverage_report import by_package, measured

REPORT = """\
Name                               Stmts   Miss Branch BrPart  Cover   Missing
------------------------------------------------------------------------------
contracts/loader.py                   80      8     30      2    88%   11-18
contracts/model.py                    20      2      4      0    92%   5, 9
local_aws/s3/empty_room.py             0      0      0      0   100%
plugins/mortgage_risk/jobs/cost.py    50      0     10      0   100%
------------------------------------------------------------------------------
TOTAL                                150     10     44      2    92%
"""


def test_files_are_added_up_by_package() -> None:
    assert [line.split() for line in by_package(REPORT)] == [
        ["contracts", "100", "10", "90", "%"],
        ["plugins/mortgage_risk/jobs", "50", "0", "100", "%"],
    ]


def test_a_check_is_measured_with_coverage_beside_its_own_packages(tmp_path: Path) -> None:
    check = next(check for check in checks() if check.name == "model")
    under = measured(check, tmp_path)
    assert under.argv == [check.argv[0], "-m", "coverage", "run", f"--data-file={tmp_path / 'model'}", *check.argv[1:]]
    assert under.path == (*check.path, str(tmp_path / "library"))
