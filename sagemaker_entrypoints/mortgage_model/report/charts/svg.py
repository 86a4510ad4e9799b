"""The element that every chart is: scaled to the page, with a title and a description."""

from __future__ import annotations

import re
from html import escape


def element(title: str, description: str, width: int, height: int, body: str) -> str:
    """An `svg` of width x height units; `body` is SVG already. Title and description are for screen readers."""
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    label = f'role="img" aria-labelledby="{name}-t {name}-d"'
    words = f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
    return f'<svg viewBox="0 0 {width} {height}" {label}>{words}{body}</svg>'
