"""Loan tapes in, loan panel out: Spark DataFrame functions behind the Glue jobs."""
