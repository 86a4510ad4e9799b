"""How the raw files of each source are laid out, as data."""
