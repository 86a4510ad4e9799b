"""Lines of text, as a line feed ends them."""

from __future__ import annotations


def split_lines(text: str) -> list[str]:
    """The lines of a text. `str.splitlines` would also cut at U+0085, U+2028, form feeds and others, which are text."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
