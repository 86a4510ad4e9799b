from __future__ import annotations

from dataclasses import replace

import pytest

from mortgage_risk.jobs import links

TEMPLATE = "http://aws/_console/{service}/{kind}/{name}"


@pytest.mark.parametrize(
    ("kind", "job", "aws_page", "own_page"),
    [
        ("glue", "prepare/jr_1", "#/job/prepare/run/jr_1", "http://aws/_console/glue/prepare/jr_1"),
        ("training", "t-1", "#/jobs/t-1", "http://aws/_console/sagemaker/training-job/t-1"),
        ("processing", "p-1", "#/processing-jobs/p-1", "http://aws/_console/sagemaker/processing-job/p-1"),
        ("endpoint", "pd-a/d-1", "#/endpoints/pd-a", "http://aws/_console/sagemaker/endpoint/pd-a"),
        ("transform", "x-1", "#/transform-jobs/x-1", "http://aws/_console/sagemaker/transform-job/x-1"),
    ],
)
def test_a_job_is_shown_by_the_aws_console_or_the_page_set(settings, kind, job, aws_page, own_page) -> None:
    assert links.job_url(settings, kind, job, "eu-west-1").endswith(aws_page)
    assert "eu-west-1.console.aws.amazon.com" in links.job_url(settings, kind, job, "eu-west-1")
    own = replace(settings, job_link=TEMPLATE, log_link=TEMPLATE + "?{group}")
    assert links.job_url(own, kind, job, "eu-west-1") == own_page
    assert links.log_url(own, kind, job, "/aws/x", "s", "eu-west-1") == own_page + "?%2Faws%2Fx"


def test_the_log_page_of_aws_is_quoted_its_own_way(settings) -> None:
    url = links.log_url(settings, "training", "t-1", "/aws/sagemaker/TrainingJobs", "t-1/", "us-east-1")
    assert url.endswith("log-group/$252Faws$252Fsagemaker$252FTrainingJobs$3FlogStreamNameFilter$3Dt-1$252F")


def test_objects(settings) -> None:
    uri = "s3://b/validation-results/source=a/report 1.html"
    assert links.object_url(settings, uri, "us-east-1").endswith(
        "/s3/object/b?region=us-east-1&prefix=validation-results/source=a/report%201.html"
    )
    own = replace(settings, s3_object_link="http://aws/{bucket}/{key}", s3_folder_link="http://aws/see/{bucket}/{key}")
    assert links.object_url(own, uri, "x") == "http://aws/b/validation-results/source=a/report%201.html"
    # What lies below a prefix is no object: its page is another.
    assert links.object_url(own, "s3://b/a/job-1/", "x") == "http://aws/see/b/a/job-1/"
    assert links.object_url(settings, "s3://b/a/job-1/", "us-east-1").endswith(
        "console.aws.amazon.com/s3/buckets/b?region=us-east-1&prefix=a/job-1/"
    )
