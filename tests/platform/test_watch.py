"""When a service is started, left alone or replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_platform.running.watch import BLIND_SECONDS, CALM_SECONDS, ILL_SECONDS, PAUSES, START_SECONDS, Act, Watch


def looks(watch: Watch, until: float, since: float = 0.0, **seen) -> list[tuple[float, Act]]:
    """What is done when it is seen so every second; what is nothing is left out."""
    facts = {"alive": True, "well": True, "may_start": True, **seen}
    acts = [(now, watch.look(now, **facts)) for now in (since + n for n in range(int(until - since)))]
    return [(now, act) for now, act in acts if act is not Act.NOTHING]


def test_what_does_not_run_is_started_once_what_it_needs_is_well():
    watch = Watch()
    assert looks(watch, 60, alive=False, well=None, may_start=False) == []
    assert watch.look(60, alive=False, well=None, may_start=True) is Act.START


def test_what_died_is_started_at_once_and_later_each_time():
    watch, now, waits = Watch(), 0.0, []
    assert watch.look(now, alive=False, well=None, may_start=True) is Act.START
    for _ in range(8):
        died = now = now + 1
        while watch.look(now, alive=False, well=None, may_start=True) is not Act.START:
            now += 1
        waits.append(now - died)
    assert waits == [*PAUSES, PAUSES[-1], PAUSES[-1]]


def test_it_is_tried_for_ever():
    """A disk that was full for a night needs no hand in the morning."""
    starts = [now for now, act in looks(Watch(), 40_000, alive=False, well=None) if act is Act.START]
    assert 40_000 - starts[-1] <= PAUSES[-1] + 1
    assert len(starts) < 40_000 / PAUSES[-1] + 10


def test_what_was_well_for_long_enough_is_forgiven():
    watch = Watch()
    for _ in range(4):
        watch.failed(0.0)
    assert looks(watch, CALM_SECONDS - 1) == []
    assert watch.failures == 4
    assert looks(watch, CALM_SECONDS + 2, since=CALM_SECONDS - 1) == []
    assert watch.failures == 0


def test_what_is_ill_for_too_long_is_replaced():
    watch = Watch()
    looks(watch, 10)
    assert looks(watch, 10 + ILL_SECONDS + 1, since=10, well=False) == [(10 + ILL_SECONDS, Act.REPLACE)]
    assert watch.look(10 + ILL_SECONDS + 1, alive=False, well=None, may_start=True) is Act.START


def test_what_has_not_been_well_yet_is_given_time_to_start():
    assert looks(Watch(), START_SECONDS + 1, well=False) == [(START_SECONDS, Act.REPLACE)]


@pytest.mark.parametrize(
    "excuse",
    [{"well": True}, {"well": None}, {"well": False, "may_start": False}],
    ids=["was well in between", "nobody could tell in between", "what it needs was not well"],
)
def test_illness_counts_while_it_lasts_and_is_its_own(excuse):
    watch = Watch()
    looks(watch, 10)
    looks(watch, ILL_SECONDS, since=10, well=False)
    facts = {"alive": True, "may_start": True, **excuse}
    assert watch.look(ILL_SECONDS, **facts) is Act.NOTHING
    assert looks(watch, 2 * ILL_SECONDS, since=ILL_SECONDS + 1, well=False) == []


def test_a_laptop_that_slept_knows_nothing_of_the_time_between():
    watch = Watch()
    looks(watch, 10)
    watch.look(10, alive=True, well=False, may_start=True)
    assert looks(watch, 10_000 + ILL_SECONDS, since=10_000, well=False) == []


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([True, False, None]), st.booleans()), max_size=400))
def test_nothing_is_started_that_lives_nor_replaced_that_does_not_nor_what_is_well(seen):
    watch, now, starts = Watch(), 0.0, []
    for alive, well, may_start in seen:
        now += BLIND_SECONDS / 10
        act = watch.look(now, alive, well, may_start)
        if act is Act.START:
            assert not alive
            assert may_start
            starts.append(now)
        if act is Act.REPLACE:
            assert (alive, well, may_start) == (True, False, True)
    assert watch.failures <= len(seen)
