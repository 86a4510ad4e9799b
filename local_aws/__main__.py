from __future__ import annotations

from local_aws.server import main

main()
