"""Charts as inline SVG: no script, no font, nothing to fetch, readable on paper.

Colours come from the page's CSS by class (`model`, `observed`, `muted`), so that one chart serves light, dark
and print; every chart carries a title and a description for screen readers.
"""
