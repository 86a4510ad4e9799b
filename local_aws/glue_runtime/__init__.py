"""What a Glue job finds on AWS, on this machine: Spark with s3:// and the awsglue API without AWS's jar.

Runs inside the job's runtime (`.runtimes/glue-5.1`), not in the server: it imports nothing else of local_aws.
`session(s3_root)` gives tests and notebooks the same Spark that a job gets.
"""

from __future__ import annotations

from local_aws.glue_runtime.spark import configuration, session

__all__ = ["configuration", "session"]
