"""One class per kind of step in the training and scoring pipelines."""
