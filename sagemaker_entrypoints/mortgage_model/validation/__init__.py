"""What the validation job does with a model and a panel, from rows to evidence and verdict.

validator      the job: from a model and its panel to the evidence pack and the verdict
samples        reads the panel month by month and scores it: arrays per sample, counts per feature bin
segments       the parts of a portfolio by which the ranking is looked at
demographics   protected attributes by loan, for the fairness measures alone
replicates     the bootstrap of all samples together
evaluation     arrays to the figures of evaluation.json, with intervals
checks         a test of the battery: what it may look at, how it answers
battery        the tests, by section
monotonicity   proof from the trees that no feature moves the PD the wrong way
gate           does the evidence meet the thresholds in force?
model_card     what the model is for, with which limits, who owns it
model_quality  the out-of-time figures in SageMaker's model-quality layout
clarify        explainability and bias in SageMaker Clarify's layouts
"""
