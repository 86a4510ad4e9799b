"""What the validation job does with a model and a panel, from rows to evidence.

samples        reads the panel month by month and scores it: arrays per sample, counts per feature bin
evaluation     arrays to the figures of evaluation.json, with intervals
model_quality  the part of evaluation.json that SageMaker's model-quality layout defines
checks         the validator's own checks: is this the model and the data that training recorded?

The thresholds are applied in mortgage_model/validation/gate.py; the report is made by mortgage_model/report/page.py.
"""
