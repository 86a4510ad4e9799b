"""Packs and uploads the code that the jobs of this run will run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mortgage_risk.jobs import code, links
from mortgage_risk.jobs.base import MortgageRiskOperator
from mortgage_risk.layout import manifest
from mortgage_risk.xcoms import PackagedCode

if TYPE_CHECKING:
    from airflow.sdk import Context


class PackageCodeOperator(MortgageRiskOperator):
    """XCom: xcoms.PackagedCode. Uploads nothing if this code is in S3 already."""

    operator_extra_links = (links.ResultLink(),)

    def execute(self, context: Context) -> PackagedCode:
        s3, root = self.client("s3"), self.settings.job_code_root
        files = code.collect(root)
        sha256 = code.content_hash(files)
        prefix = self.layout.code(sha256)
        commit = self.settings.git_commit or code.git_commit(root)
        facts = {"code_sha256": sha256, "git_commit": commit}
        uploaded = self.retry_through_outage(lambda: code.upload(s3, prefix, files, facts, self.settings.kms_key_id))
        size = sum(map(len, files.values()))
        self.log.info(
            "Code %s (git %s): %d files, %d bytes, %s %s",
            sha256[:12],
            commit,
            len(files),
            size,
            "uploaded to" if uploaded else "is already in",
            prefix,
        )
        links.store(self, context, {links.ResultLink: self.object_url(manifest(prefix))})
        return {"sha256": sha256, "prefix": prefix, "git_commit": commit}
