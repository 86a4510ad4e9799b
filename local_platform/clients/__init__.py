"""What asks the running platform: Airflow's REST API, the local AWS, the progress of runs."""
