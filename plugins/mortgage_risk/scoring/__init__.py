"""Scoring a night's loans by batch transform."""
