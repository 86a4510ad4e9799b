"""The documents that the jobs write and others read, as types: TypedDicts of the standard library alone.

evaluation  evaluation.json: the validation's figures
battery     its tests: one record each, and the rows that a record's detail may hold
gate        thresholds.json and gate.json: what is asked for, and the verdict
card        model_card.json and card.json
monitoring  monitoring.json: a scored night
profile     reference_profile.json: what later portfolios are compared with
clarify, model_monitor  SageMaker's own layouts of explainability and bias, statistics, constraints and violations

The keys are on the wire: whoever renames one breaks a reader. Airflow's plugins have types of their own for what they
read (mortgage_risk/documents.py); a test holds the two together.
"""
