"""Rules of the house that no tool brings along; `make lint` holds the code to them."""
