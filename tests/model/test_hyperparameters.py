from __future__ import annotations

import pytest

from mortgage_model.development.hyperparameters import HYPERPARAMETERS, HyperparameterError, parse_arguments


def test_defaults_lie_in_their_ranges_and_strings_are_parsed():
    values = parse_arguments([])
    assert values == {parameter.name: parameter.default for parameter in HYPERPARAMETERS}
    assert all(parameter.minimum <= parameter.default <= parameter.maximum for parameter in HYPERPARAMETERS)
    values = parse_arguments(["--max_depth", "4", "--learning_rate", "1e-1", "--reg_lambda", "3"])
    assert (values["max_depth"], values["learning_rate"], values["reg_lambda"]) == (4, 0.1, 3.0)
    assert isinstance(values["max_depth"], int)
    assert isinstance(values["reg_lambda"], float)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max_depth", "0"], "max_depth must be a whole number from 1 to 10, not '0'"),
        (["--max_depth", "3.5"], "max_depth must be a whole number from 1 to 10, not '3.5'"),
        (["--max_depth", "deep"], "max_depth must be a whole number from 1 to 10, not 'deep'"),
        (["--learning_rate", "-0.1"], "learning_rate must be a number from 0.001 to 1, not '-0.1'"),
        (["--learning_rate", "nan"], "learning_rate must be a number from 0.001 to 1, not 'nan'"),
        (["--subsample", "1.01"], "subsample must be a number from 0.05 to 1, not '1.01'"),
        (["--horizon_months", ""], "horizon_months must be a whole number from 1 to 60, not ''"),
        (["--seed"], "argument --seed: expected one argument"),
        (["--max_dept", "3"], "there is no hyperparameter 'max_dept'; there are horizon_months, oot_months"),
        (["--eta", "0.1"], "there is no hyperparameter 'eta'"),
    ],
)
def test_a_bad_hyperparameter_is_named_with_its_range(arguments, message):
    with pytest.raises(HyperparameterError) as caught:
        parse_arguments(arguments)
    assert message in str(caught.value)


def test_help_gives_range_and_meaning(capsys):
    with pytest.raises(SystemExit) as left:
        parse_arguments(["--help"])
    assert left.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(parameter.help in text and parameter.range_words in text for parameter in HYPERPARAMETERS)
