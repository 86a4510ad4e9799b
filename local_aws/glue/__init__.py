"""AWS Glue in the server: job definitions, runs as processes of their own, the Data Catalog kept across restarts."""
