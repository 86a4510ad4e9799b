"""How a model is made: the panel read and split out of time, the search, the fit, what is recorded of it."""
