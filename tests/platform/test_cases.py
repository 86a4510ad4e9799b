"""`make cases`: a case's output is held against what is right of each of its parts."""

from __future__ import annotations

import pytest

from local_platform.commands import cases

SEEN = '=== one\nexit 0\n{"rows_in": 3}\n=== two\nexit 2\nerror: no\n'


def test_the_output_is_judged_by_its_parts():
    assert cases.parts_of(SEEN) == {"one": '\nexit 0\n{"rows_in": 3}\n', "two": "\nexit 2\nerror: no\n"}
    assert cases.parts_of("x\n") == {"all": "x\n"}
    assert cases.problems(SEEN, 0, {"one": ["^exit 0", "!error"], "two": ["^error: "]}) == []
    assert cases.problems(SEEN, 0, {"*": ["^exit 0"]}) == ["two: lacks ^exit 0"]
    assert cases.problems(SEEN, 0, {"*": ["!^error"]}) == ["two: found ^error"]
    assert cases.problems(SEEN, 0, {"three": ["x"]}) == ["three: lacks x"]
    assert cases.problems("Traceback (most recent call last):", 3, {}) == [
        "run.sh ended with exit code 3",
        "a traceback reached the user",
    ]


@pytest.mark.parametrize(("body", "code", "verdict"), [("echo fine", 0, "no judge"), ("exit 4", 1, "FAILED")])
def test_every_case_is_run_and_shown(tmp_path, capsys, body, code, verdict):
    (tmp_path / "99-new").mkdir()
    (tmp_path / "99-new" / "run.sh").write_text(f"{body}; test -d $1/local_platform && echo given")
    (tmp_path / "99-new" / "expected.md").write_text("Right: fine.")
    assert cases.run(tmp_path) == code
    shown = capsys.readouterr().out
    assert "Right: fine." in shown
    assert f"{verdict}" in shown.splitlines()[-1 - code]


def test_what_is_known_of_cases_can_be_judged():
    known = cases.yaml.safe_load(cases.KNOWN.read_text())
    assert all(cases.problems("", 0, expected) for expected in known.values())  # no expectation that nothing meets
