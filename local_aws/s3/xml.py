"""S3's XML documents from plain dicts."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape

#: The children of an XML element by name: text, numbers, elements, lists of any of them for what is repeated.
Element = dict[str, Any]

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def document(root: str, content: Element | str) -> str:
    """`{"A": 1, "B": [{"C": "x"}]}` → `<root><A>1</A><B><C>x</C></B></root>`; None is left out."""
    body = _content(content)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{body}</{root}>'


def _content(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(_element(name, item) for name, item in value.items() if item is not None)
    if isinstance(value, bool):
        return str(value).lower()
    # XML 1.0 has no way to write some control characters; a client that may meet them asks for url encoding
    return _FORBIDDEN.sub("\ufffd", escape(str(value), {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}))


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    return f"<{name}>{_content(value)}</{name}>"
