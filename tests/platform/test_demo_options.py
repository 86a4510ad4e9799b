"""`make demo` hands on the months of the split and of the label as the training form takes them."""

from __future__ import annotations

import argparse

import pytest

from local_platform.commands.demo import add_arguments, training_months


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("given", "params"),
    [
        ((), {}),
        (("--oot-months", "6"), {"hyperparameters": {"oot_months": 6}}),
        (("--validation-months", "3"), {"hyperparameters": {"validation_months": 3}}),
        (("--horizon-months", "24"), {"horizon_months": 24}),
        (("--horizon-months", "6", "--oot-months", "6"), {"horizon_months": 6, "hyperparameters": {"oot_months": 6}}),
    ],
)
def test_months_are_given_where_the_form_has_them(given, params):
    assert training_months(parsed(*given)) == params


@pytest.mark.parametrize("text", ["0", "-1", "six", "6.5", ""])
def test_months_are_whole(text, capsys):
    with pytest.raises(SystemExit):
        parsed("--oot-months", text)
    assert "must be a whole number of months, at least 1" in capsys.readouterr().err
