"""A model of any table: from a contract and a file to out-of-fold evidence and a model."""
