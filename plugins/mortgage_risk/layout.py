"""Every S3 path of the platform, as a function of source, business date and key.

The only place that builds these strings. Arguments may be Jinja templates: a path made of them is a template
too. Prefixes end with '/'.
"""

from __future__ import annotations

from dataclasses import dataclass

MANIFEST = "_manifest.json"


@dataclass(frozen=True)
class Layout:
    bucket: str
    model_name: str

    @property
    def root(self) -> str:
        return f"s3://{self.bucket}/"

    @property
    def raw_root(self) -> str:
        return f"{self.root}raw-data/"

    @property
    def quarantine_root(self) -> str:
        return f"{self.root}processed-data/quarantine/"

    @property
    def data_quality_root(self) -> str:
        return f"{self.root}validation-results/data_quality/"

    @property
    def models(self) -> str:
        """SageMaker appends `<training job>/output/model.tar.gz`."""
        return f"{self.root}models/{self.model_name}/"

    def clean_tables(self, source: str, delivery_date: str) -> str:
        return f"{self.root}processed-data/clean_tables/source={source}/delivered_by={delivery_date}/"

    def loan_panel(self, source: str, as_of_date: str, horizon_months: str | int) -> str:
        return f"{self.panels_root(source)}as_of_date={as_of_date}/horizon_months={horizon_months}/"

    def scoring_input(self, source: str, score_date: str) -> str:
        return f"{self.root}inference-data/input/source={source}/score_date={score_date}/"

    def transform_output(self, source: str, score_date: str, job: str) -> str:
        return f"{self.root}inference-data/transform/source={source}/score_date={score_date}/{job}/"

    def scores(self, source: str, score_date: str) -> str:
        return f"{self.scores_root(source)}score_date={score_date}/"

    def validation(self, source: str, as_of_date: str, job: str) -> str:
        return f"{self.root}validation-results/training/source={source}/as_of_date={as_of_date}/{job}/"

    def scores_root(self, source: str) -> str:
        return f"{self.root}inference-data/output/source={source}/"

    def panels_root(self, source: str) -> str:
        return f"{self.root}processed-data/loan_panel/source={source}/"

    def monitoring(self, source: str, score_date: str, job: str) -> str:
        return f"{self.root}validation-results/monitoring/source={source}/date={score_date}/{job}/"

    def monitoring_index(self, source: str) -> str:
        """Holds month=YYYY-MM.json: one row per monitored night, what the dashboard reads."""
        return f"{self.root}validation-results/monitoring-index/source={source}/"

    def monitoring_inputs(self, source: str) -> str:
        return f"{self.root}validation-results/monitoring-inputs/source={source}/"

    def retraining_request(self, source: str) -> str:
        return f"{self.root}validation-results/monitoring-index/retraining/source={source}.json"

    def data_quality_result(self, suite: str, source: str, business_date: str) -> str:
        return f"{self.data_quality_root}{suite}/source={source}/run_date={business_date}/result.json"

    def code(self, sha256: str) -> str:
        return f"{self.root}code/{sha256}/"

    def run_summary(self, dag_id: str, source: str, date: str) -> str:
        return f"{self.root}run-summaries/{dag_id}/source={source}/date={date}.json"

    def cost_ledger(self, day: str) -> str:
        return f"{self.root}cost-ledger/{self.model_name}/day={day}/"

    @property
    def job_claims(self) -> str:
        return f"{self.root}job-claims/{self.model_name}/"

    def model_package_group(self, source: str) -> str:
        return f"{self.model_name}-{source.replace('_', '-')}"


def manifest(prefix: str) -> str:
    return prefix + MANIFEST


def split_uri(uri: str) -> tuple[str, str]:
    """('bucket', 'key') of an s3:// URI; ValueError otherwise."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"not an S3 URI: {uri!r}")
    return bucket, key
