"""When the DAGs run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Literal

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from pendulum import DateTime, now

GRACE = timedelta(hours=1)
OUTAGE = timedelta(days=7)  # a run missed in one is made up for; a longer pause was no outage
SECOND = timedelta(seconds=1)
AROUND = timedelta(hours=36)  # a change of the clock so near may put what is due out of its order


class FromNowOnTimetable(CronDataIntervalTimetable):
    """Data intervals by cron expression in the lender's time zone; unpausing a new DAG starts nothing at once.

    Airflow's own data-interval timetable runs the last complete interval as soon as a DAG is unpaused: with
    another person's data half landed, that is a failed night, or an unasked training. Here the first run is the
    next one due, also where all there is before it are past nights of a backfill, which Airflow takes for runs by the
    clock. Backfills and every run after the first are Airflow's own.

    Nor does it lose a night to the clock (apache/airflow#70089): Airflow 3.3.1 looks for the run before 03:00 of the
    night on which 02:00 does not exist, and finds 03:00 itself. What is due on the wall clock, is due here

    * once, at its second time, where the clock is put back over it;
    * as much later as the clock is put forward over it, or at the last second of its date where the gap takes the rest
      of that date: each date that exists has its night, on that date;
    * where the expression is for every hour: whenever the clock shows it, twice or not at all.
    """

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        if restriction.catchup or self._goes_on_from(last_automated_data_interval):
            return super().next_dagrun_info(
                last_automated_data_interval=last_automated_data_interval, restriction=restriction
            )
        # The grace keeps a run that has just become due from being passed over before the scheduler sees it.
        start = self._align_to_prev(now("UTC") - GRACE)
        if restriction.earliest is not None:
            start = max(start, self._align_to_next(restriction.earliest))
        if restriction.latest is not None and start > restriction.latest:
            return None
        return DagRunInfo.interval(start=start, end=self._get_next(start))

    def _goes_on_from(self, last: DataInterval | None) -> bool:
        latest = self._get_prev(self._align_to_prev(now("UTC")))  # start of the newest interval that is complete
        return last is not None and latest - last.end <= OUTAGE

    def _get_next(self, current: DateTime) -> DateTime:
        return self._beside(current, 1)

    def _get_prev(self, current: DateTime) -> DateTime:
        return self._beside(current, -1)

    def _beside(self, current: DateTime, way: Literal[1, -1]) -> DateTime:
        """The first due moment after (1) or before (-1) `current`.

        Moments do not follow each other as the readings of the clock do where that is changed: 02:30, which is put off
        to 03:30, comes after 03:00. So as many readings more are looked at, on both sides, as the change is wide.
        """
        from croniter import croniter

        wall = self._wall(current)
        cron = croniter(self._expression, start_time=wall - way * self._change(current))
        every_hour = cron.expanded[1] == ["*"]
        found: datetime | None = None
        until = wall
        while True:
            reading: datetime = cron.get_next(datetime) if way > 0 else cron.get_prev(datetime)
            if found is not None and (reading - until) * way > timedelta(0):
                return pendulum.instance(found, tz="UTC")
            for due in self._due(reading, every_hour):
                if (due - current) * way > timedelta(0) and (found is None or (found - due) * way > timedelta(0)):
                    until = reading + way * max(self._change(current), self._change(due)) if found is None else until
                    found = due

    def _due(self, reading: datetime, every_hour: bool) -> Iterator[datetime]:
        """When (UTC) what is due at this reading of the wall clock is due."""
        earlier, later = (reading.replace(tzinfo=self._timezone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if earlier <= later:  # PEP 495: the same moment, or the two of a clock that is put back
            yield later
            if earlier != later and every_hour:
                yield earlier
        elif not every_hour:  # the clock jumps over the reading, which by its old offset is the first of the two
            next_day = datetime.combine(reading.date() + timedelta(days=1), time(), self._timezone).replace(fold=1)
            last = next_day.astimezone(UTC) - SECOND
            leaves_its_date = self._wall(earlier).date() != reading.date() == self._wall(last).date()
            yield last if leaves_its_date else earlier

    def _wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self._timezone).replace(tzinfo=None, fold=0)

    def _change(self, moment: datetime) -> timedelta:
        """How far the clock is put forward or back around the moment; a second more for _due's last of a date."""
        around = (moment - AROUND, moment, moment + AROUND)
        seen = [self._wall(at) - at.astimezone(UTC).replace(tzinfo=None) for at in around]
        width = max(seen) - min(seen)
        return width + SECOND if width else width
