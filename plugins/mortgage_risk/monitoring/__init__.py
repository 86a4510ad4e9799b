"""Watching scored nights: the job on each, the index that the dashboard reads, metrics and alarms, retraining."""
