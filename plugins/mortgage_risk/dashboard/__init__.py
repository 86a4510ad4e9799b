"""The monitoring page in the Airflow UI: a small web application over aggregates that lie in S3 already."""
