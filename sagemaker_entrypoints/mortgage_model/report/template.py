"""The frame of every page: style and print rules, nothing to fetch."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).with_name("template.html")


def fill(title: str, sections: Iterable[str]) -> str:
    """The page's HTML; `sections` are HTML already."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(title=escape(title), body="\n".join(sections))
