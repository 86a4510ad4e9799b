"""The AWS API on one machine: moto for the plain services, real processes for Glue and SageMaker jobs."""

from __future__ import annotations

__version__ = "0.1.0"
