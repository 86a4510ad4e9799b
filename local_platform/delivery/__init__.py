"""A lender's files: read by the ETL's own rules, described, put where a nightly delivery puts them."""
