"""Raw files to clean tables: every row is judged, counted, and kept or quarantined."""
