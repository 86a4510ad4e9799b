"""The demo leaves Airflow as it found it."""

from __future__ import annotations

import pytest

from local_platform.commands import demo


class Api:
    """Airflow's DAGs and whether they are paused."""

    def __init__(self, **paused: bool) -> None:
        self.paused = paused
        self.down = False

    def is_paused(self, dag_id: str) -> bool:
        return self.paused[dag_id]

    def pause(self, dag_id: str) -> None:
        if self.down:
            raise ConnectionError("refused")
        self.paused[dag_id] = True


class Said(list):
    def say(self, text: str) -> None:
        self.append(text)


def run(api: Api, error: BaseException | None = None) -> Said:
    said = Said()
    with demo.paused_again(api, said):
        api.paused |= dict.fromkeys(api.paused, False)
        if error:
            raise error
    return said


def test_what_was_paused_is_paused_again_and_it_says_so() -> None:
    api = Api(mortgage_training=True, mortgage_nightly_scoring=True)
    (words,) = run(api)
    assert api.paused == {"mortgage_training": True, "mortgage_nightly_scoring": True}
    assert words.startswith("mortgage_training and mortgage_nightly_scoring: paused, as before")


def test_what_ran_by_the_clock_before_goes_on() -> None:
    api = Api(mortgage_training=False, mortgage_nightly_scoring=False)
    assert run(api) == []
    assert not any(api.paused.values())


@pytest.mark.parametrize("error", [demo.DemoError("train_model failed"), KeyboardInterrupt()])
def test_a_demo_that_fails_or_is_interrupted_leaves_nothing_running_either(error: BaseException) -> None:
    api = Api(mortgage_training=True, mortgage_nightly_scoring=True)
    with pytest.raises(type(error)):
        run(api, error)
    assert all(api.paused.values())


def test_an_airflow_that_is_down_is_not_the_last_word() -> None:
    api = Api(mortgage_training=True, mortgage_nightly_scoring=True)
    api.down = True
    with pytest.raises(demo.DemoError):
        run(api, demo.DemoError("the server is gone"))
