"""Pages of evidence as one self-contained HTML file: charts, tables and the sections of the validation report."""
