"""`python -m local_aws`: the command line of the server."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from local_aws import door
from local_aws.kernel.config import QUOTAS, Config
from local_aws.server import serve


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m local_aws", description="The AWS API on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; one that others reach wants a token")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which clients call this server, other than this machine's own; repeatable",
    )
    parser.add_argument("--port", type=int, default=4566, help="0 takes a free one")
    parser.add_argument("--state-dir", type=Path, default=Path(".state/local-aws"), help="everything that is kept")
    parser.add_argument(
        "--runtimes-dir", type=Path, default=Path(".runtimes"), help="one virtual environment a runtime"
    )
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument(
        "--quota",
        action="append",
        default=[],
        type=_quota,
        metavar="NAME=N",
        help=f"a limit of the account, to try how a program bears it: {', '.join(QUOTAS)}; repeatable",
    )
    parser.add_argument("--verbose", action="store_true", help="log every request")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    for noisy in ("botocore", "urllib3", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    token = os.environ.get(door.TOKEN_VARIABLE, "")
    if not token and not door.is_loopback(options.host):
        sys.exit(
            f"{options.host} can be reached from other machines, and whoever reaches this server may run code on it:\n"
            f"set {door.TOKEN_VARIABLE} to a secret, and AWS_SESSION_TOKEN to the same in every client."
        )
    os.umask(0o077)  # state and logs are their owner's
    config = Config(
        options.state_dir,
        options.runtimes_dir,
        host=options.host,
        port=options.port,
        region=options.region,
        names=frozenset(options.allow_host),
        token=token,
        quotas=dict(options.quota),
    )
    sys.exit(serve(config))


def _quota(text: str) -> tuple[str, int]:
    name, _, limit = text.partition("=")
    if name not in QUOTAS or not limit.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=N, N a number and NAME one of {', '.join(QUOTAS)}")
    return name, int(limit)


if __name__ == "__main__":
    main()
