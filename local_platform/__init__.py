"""The whole platform on one machine: its environments, its processes, and the demo that drives it.

`python -m local_platform <command>` is what `make` and docker-compose.yaml both run, so that a laptop and a
container start the same processes with the same settings.
"""
