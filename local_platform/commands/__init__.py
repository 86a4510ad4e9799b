"""One file a command of `python -m local_platform`."""
