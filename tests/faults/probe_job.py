"""The Glue job of the fault tests: publishes one row as the pipeline's jobs do, after some seconds of work.

`work` says what goes wrong on the way, at the first run of a date only: nothing | disk_full | crash; or at every run:
broken.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from awsglue.utils import getResolvedOptions

from mortgage_etl.publishing import objects
from mortgage_etl.publishing.attempts import publish_attempt

args = getResolvedOptions(sys.argv, ["output_root", "seconds", "work", "row"])
runs = args["output_root"].rstrip("/") + "-runs/"
fault = args["work"] if args["work"] == "broken" or not objects.list_objects(runs) else "nothing"
objects.write_bytes(f"{runs}{args['JOB_RUN_ID']}", b"started")
print(f"run {args['JOB_RUN_ID']}: fault {fault}", flush=True)
time.sleep(float(args["seconds"]))
if fault == "broken":
    sys.exit("no way to do this")


def write(attempt: str) -> None:
    objects.write_bytes(f"{attempt}part-0.csv", args["row"].encode())
    if fault == "disk_full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{attempt}part-1.csv")
    if fault == "crash":
        os._exit(137)  # as the kernel's out-of-memory killer ends it: half is written, nobody cleans up
    objects.write_bytes(f"{attempt}part-1.csv", args["row"].encode())


publish_attempt(args["output_root"], args["JOB_RUN_ID"], write, lambda attempt: {"rows": 2})
