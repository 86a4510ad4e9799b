"""When the DAGs run."""

from __future__ import annotations

from datetime import timedelta

from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from pendulum import now

GRACE = timedelta(hours=1)
OUTAGE = timedelta(days=7)  # a run missed in one is made up for; a longer pause was no outage


class FromNowOnTimetable(CronDataIntervalTimetable):
    """Data intervals by cron expression in the lender's time zone; unpausing a new DAG starts nothing at once.

    Airflow's own data-interval timetable runs the last complete interval as soon as a DAG is unpaused: with
    another person's data half landed, that is a failed night, or an unasked training. Here the first run is the
    next one due, also where all there is before it are past nights of a backfill, which Airflow takes for runs by the
    clock. Backfills and every run after the first are Airflow's own.
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
