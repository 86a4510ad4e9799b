"""Clean tables to the loan panel and the scoring input: observations, labels and what was known at the time."""
