"""Keeps pages of other origins, and other names for this machine, away from Airflow's API server.

A web page can send requests to a server on the loopback interface, and by a DNS name of its own that it points there
(DNS rebinding) also read the answers; a page of another port of this host is sent Airflow's cookie. Where the setting
allowed_hosts is empty, as on MWAA, whose own front door decides, nothing is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit


class OwnHosts:
    """ASGI middleware of Airflow's whole API server."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        why = ""
        if scope["type"] == "http":
            from airflow.configuration import conf

            # Not load_settings: a mistake in another setting must not take Airflow's UI away.
            allowed = [name.strip() for name in conf.get("mortgage_risk", "allowed_hosts", fallback="").split(",")]
            headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
            public = conf.get("api", "base_url", fallback="")
            why = refusal(headers.get(b"host", ""), headers.get(b"origin"), [name for name in allowed if name], public)
        if not why:
            await self.app(scope, receive, send)
            return
        plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": 403, "headers": plain})
        await send({"type": "http.response.body", "body": f"{why}\n".encode()})


def refusal(host: str, origin: str | None, allowed: Sequence[str], public_url: str = "") -> str:
    """Why a request with these headers is refused; '' where it is not, or nothing is `allowed` in particular.

    allowed: host names without a port; '*.example.com' stands for all below. public_url: Airflow's own, whose pages may
    ask whatever a proxy has made of the Host.
    """
    if not allowed:
        return ""
    name = (urlsplit(f"//{host}").hostname or "").lower()
    if not any(fnmatchcase(name, pattern.strip("[]").lower()) for pattern in allowed):
        return f"Host {host!r} is none of this Airflow's. Its names are set by AIRFLOW__MORTGAGE_RISK__ALLOWED_HOSTS."
    own = {host.lower(), urlsplit(public_url).netloc.lower()}
    if origin is not None and urlsplit(origin).netloc.lower() not in own:
        return f"A page of another origin, {origin!r}, may not ask this Airflow."
    return ""
