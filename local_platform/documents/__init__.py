"""Pages under docs/ that are made from the code, so that they cannot say anything else. `make pages` writes them."""
