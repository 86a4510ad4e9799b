"""Runs the contracts' expectation suites on Spark and says in words what was found."""
