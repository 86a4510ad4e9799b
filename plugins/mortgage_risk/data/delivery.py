"""Finds what a lender has delivered by a business date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import aws
from mortgage_risk.jobs import links
from mortgage_risk.jobs.base import MortgageRiskOperator
from mortgage_risk.xcoms import Delivery

if TYPE_CHECKING:
    from airflow.sdk import Context


class NothingDelivered(AirflowFailException):
    """No raw data is known on the business date."""


class FindDeliveryOperator(MortgageRiskOperator):
    """Newest delivery of raw data at or before the business date. XCom: xcoms.Delivery.

    Cleaning depends on this date alone, so nights between two deliveries share one reading of the tapes.
    """

    operator_extra_links = (links.ResultLink(),)

    def execute(self, context: Context) -> Delivery:
        root = self.layout.raw_root
        dates = self.retry_through_outage(lambda: aws.ingest_dates(self.client("s3"), root))
        known = {
            table: max(date for date in days if date <= self.business_date)
            for table, days in sorted(dates.items())
            if min(days) <= self.business_date
        }
        if not known:
            found = f"the earliest is of {min(map(min, dates.values()))}" if dates else "there is none at all"
            raise NothingDelivered(
                f"No delivery at or before {self.business_date} under {root}; {found}. Land files under "
                f"{root}<table>/ingest_date=YYYY-MM-DD/ or choose a later date."
            )
        for table, date in known.items():
            self.log.info("%-28s newest delivery %s", table, date)
        date, table = max((date, table) for table, date in known.items())
        links.store(self, context, {links.ResultLink: self.object_url(f"{root}{table}/ingest_date={date}/")})
        return {"delivered_by": date}
