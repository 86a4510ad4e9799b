"""What holds for every test directory."""

from __future__ import annotations

from hypothesis import settings

# A machine that is busy, or that counts lines for `make coverage`, is no counterexample.
settings.register_profile("any pace", deadline=None)
settings.load_profile("any pace")
