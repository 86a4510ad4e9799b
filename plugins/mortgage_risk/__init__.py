"""How Airflow talks to AWS for the mortgage default-risk platform."""
