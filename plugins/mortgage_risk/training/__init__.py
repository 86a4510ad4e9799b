"""Training a model on a loan panel, and looking for better hyperparameters before it."""
