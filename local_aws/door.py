"""Who is let in: programs, and pages of this very server. Not the page of another site in somebody's browser.

A browser on this machine reaches loopback for every page that it shows, and what this API does (run code, delete
objects) a page may not do. A page gives itself away: by the `Origin` of all that it sends but plain GETs, by
`Sec-Fetch-Site` on those, and by the name in `Host` where it has its own name point to this machine (DNS rebinding).
SDKs, Spark and curl send none of them. Whoever comes over a network shows a token besides.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Collection

from werkzeug.wrappers import Request, Response

from local_aws.kernel.errors import AwsError

TOKEN_VARIABLE = "LOCAL_AWS_TOKEN"  # noqa: S105  the name of it
_SESSION_TOKEN = "x-amz-security-token"  # noqa: S105
# Documents that are not the console's have an origin of their own, equal to no other: their scripts run and draw,
# but what they ask of this server is refused as any site's request is.
_SANDBOX = (
    "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox allow-downloads allow-modals;"
    " frame-ancestors 'none'"
)
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)]|([a-z0-9._-]+))(?::\d+)?")
_EMBEDDED = frozenset({"image", "style", "script"})  # what a sandboxed report loads from beside it


def is_loopback(host: str) -> bool:
    """Whether a name or address, without its port, can mean this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Door:
    """The check that every request passes first."""

    def __init__(self, names: Collection[str], token: str):
        self._names = frozenset(name.lower() for name in names) - {"0.0.0.0", "::"}  # noqa: S104  they name no machine
        self._token = token.encode()

    def refusal(self, request: Request, page: bool) -> AwsError | None:
        """Why a request is refused, if it is. `page`: it only reads what is there for a browser as well."""
        host, headers = request.environ.get("HTTP_HOST", "").lower(), request.headers
        origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
        if not self._is_ours(host):
            return _denied(f"this server is not {host or 'without a name'}; --allow-host gives it another name")
        if request.method == "OPTIONS":
            return _denied("no page of another origin may ask")
        if origin is not None and origin.lower().partition("://")[2] != host:
            return _denied(f"a page of {origin} asked")
        if not page and request.method in ("GET", "HEAD") and not headers.get("Authorization", "").startswith("AWS"):
            return _denied("a link opens objects and the console, and does nothing else")
        if site in ("cross-site", "same-site") and not _is_followed_link(request):
            return _denied("a page of another origin asked")
        return None

    def knows(self, request: Request) -> bool:
        """Whether the request shows the token, if one is wanted: as session token, or as a browser's password."""
        if not self._token:
            return True
        password = request.authorization.password if request.authorization else None
        signed = {name.lower(): value for name, value in request.args.items()}  # of a presigned URL
        shown = request.headers.get(_SESSION_TOKEN) or signed.get(_SESSION_TOKEN) or password or ""
        return hmac.compare_digest(shown.encode(), self._token)

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        name = (match[1] or match[2]).removesuffix(".") if match else ""
        return is_loopback(name) or name in self._names


def _is_followed_link(request: Request) -> bool:
    """A link that somebody clicked, or an image, style sheet or script beside a report: it changes nothing here."""
    mode, destination = request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    return (mode, destination) == ("navigate", "document") or (mode == "no-cors" and destination in _EMBEDDED)


def _denied(why: str) -> AwsError:
    return AwsError("AccessDenied", f"Refused: {why}", 403)


def unknown(request: Request) -> AwsError:
    """The answer to who does not show the token; a browser asks its user for it."""
    a_person = "text/html" in request.headers.get("Accept", "")
    why = f"AWS_SESSION_TOKEN, or a browser's password, must be the server's {TOKEN_VARIABLE}"
    return AwsError("InvalidClientTokenId", f"The security token is missing or wrong: {why}", 401 if a_person else 403)


def close(response: Response) -> None:
    """The headers that every answer goes out with."""
    for name in [name for name, _ in response.headers if name.lower().startswith("access-control-")]:
        del response.headers[name]
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype != "application/pdf":  # no script in it reaches out of the viewer, which a sandbox would bar
        response.headers.setdefault("Content-Security-Policy", _SANDBOX)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="local AWS"'
