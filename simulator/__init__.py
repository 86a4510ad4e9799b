"""A seeded generator of a US mortgage book whose true 12-month PD is known for every loan-month.

See docs/simulator.md for the figures it aims at, and `python -m simulator --help` for its options.
"""
