"""What the documents name exists: paths, links, commands, modules, settings, tests. Generated pages are current."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from local_platform.checks import SOURCES
from local_platform.documents import rooms, settings_page
from local_platform.environments import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "local_aws/README.md"])
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
# The manuals that the UI shows: a DAG's module docstring.
TEXTS |= {
    f"dags/{path.name}": ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    for path in sorted(ROOT.glob("dags/*.py"))
}
CODE_FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
PACKAGES = {path.parent.name for source in SOURCES for path in Path(source).glob("*/__init__.py")}
FILE_NAME = re.compile(r"[\w-]+\.(py|md|yaml|toml|js|css|lock)")
everywhere = pytest.mark.parametrize("page", TEXTS)


def code(page: str) -> Iterator[str]:
    """What a page sets as code: between backticks, or indented or fenced as a block."""
    text = re.sub(r"^```.*?^```", lambda block: block[0].replace("`", ""), TEXTS[page], flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", text)
    yield from re.findall(r"^    .+$", text, flags=re.MULTILINE)


def words(page: str) -> Iterator[str]:
    for span in code(page):
        yield from re.findall(r"[^\s()\"';|]+", span)


@cache
def repository() -> frozenset[str]:
    """Every file and folder of code and documents, from the root."""
    found = [ROOT / name for name in CODE_FOLDERS]
    found += [path for folder in found for path in folder.rglob("*") if "__pycache__" not in path.parts]
    found += [path for path in ROOT.iterdir() if path.is_file()]
    found += ROOT.glob(".ci/*")
    return frozenset(str(path.relative_to(ROOT)) for path in found)


def exists(path: str) -> bool:
    """Whether a path is one of the repository, from its root or from a folder that packages stand in.

    `{a,b}` are alternatives, `*` and `<anything>` any name, an ellipsis any end."""
    if path in repository():
        return True
    if alternatives := re.fullmatch(r"(.*)\{(.+)\}(.*)", path):
        before, names, after = alternatives.groups()
        return all(exists(f"{before}{name}{after}") for name in names.split(","))
    pattern = re.sub(r"<[^>]*>|\*+", "*", path.partition("…")[0].rstrip("/.,:"))
    expression = re.compile("[^/]*".join(map(re.escape, pattern.split("*"))))
    at = ["", *(f"{Path(source).relative_to(ROOT)}/" for source in SOURCES[1:])]
    return any(
        expression.fullmatch(name.removeprefix(folder)) for folder in at for name in repository() if folder <= name
    )


def is_path_of_ours(word: str) -> bool:
    first, slash, rest = word.partition("/")
    return bool(slash and rest and first in CODE_FOLDERS | PACKAGES) or bool(FILE_NAME.fullmatch(word))


@everywhere
def test_paths(page: str) -> None:
    known = {Path(name).name for name in repository()}
    missing = []
    for word in words(page):
        path = word.partition("::")[0].partition("[")[0].rstrip(".,:")
        if is_path_of_ours(path) and not exists(path) and not (FILE_NAME.fullmatch(path) and path in known):
            missing.append(path)
    assert not missing, f"{page} names what is not there"


@everywhere
def test_links(page: str) -> None:
    folder = (ROOT / page).parent
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = folder / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            missing.append(target)
    assert not missing, f"{page} links to what is not there"


def anchors(file: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@everywhere
def test_commands(page: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    asked = {target for span in code(page) for target in re.findall(r"(?:^ *|\$ )make ([a-z][a-z-]*)", span)}
    assert asked <= targets, f"{page}: make {', make '.join(asked - targets)}"
    modules = {module for span in code(page) for module in re.findall(r"python\S* -m ([\w.]+)", span)}
    ours = {module for module in modules if module.partition(".")[0] in PACKAGES}
    assert not [module for module in ours if not exists_module(module)], page


def exists_module(name: str) -> bool:
    path = name.replace(".", "/")
    return any((Path(s) / f"{path}.py").exists() or (Path(s) / path / "__init__.py").exists() for s in SOURCES)


@everywhere
def test_names_in_modules(page: str) -> None:
    """`package.module.name` is there; `mortgage_risk.<setting>` is an option of Airflow's."""
    options = {f"mortgage_risk.{row.name}" for group in settings() for row in group.rows}
    missing = []
    for word in words(page):
        name = word.rstrip(".,:")
        if not re.fullmatch(r"[a-z_]+(\.\w+)+", name) or name.partition(".")[0] not in PACKAGES or name in options:
            continue
        module, _, attribute = name.rpartition(".")
        known = exists_module(module) and re.search(rf"\b{attribute}\b", source_of(module))
        if not exists_module(name) and not known and not FILE_NAME.fullmatch(name):
            missing.append(name)
    assert not missing, f"{page} names what is not there"


def source_of(module: str) -> str:
    path = module.replace(".", "/")
    files = [Path(s) / tail for s in SOURCES for tail in (f"{path}.py", f"{path}/__init__.py")]
    return "".join(file.read_text(encoding="utf-8") for file in files if file.exists())


def settings() -> list[settings_page.Group]:
    return settings_page.read(settings_page.SOURCE.read_text(encoding="utf-8"))


@cache
def text_of_tests() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("tests/**/*.py")))


def test_names_of_tests() -> None:
    """`test_x`, `file.py::test_x`, and in a column "Test" also `x[a]` of a case, `…x` for short."""
    functions = "\n".join(re.findall(r"^ *def (\w+)", text_of_tests(), flags=re.MULTILINE))
    files = {Path(name).stem for name in repository()}
    text = text_of_tests()
    missing = []
    for page in TEXTS:
        for name, cases in [*_named_tests(page), *_tests_in_tables(page)]:
            if name not in functions and name not in files:
                missing.append(f"{page}: {name}")
            missing += [f"{page}: {name}[{case}]" for case in re.findall(r"[\w-]+", cases) if case not in text]
    assert not missing


def _named_tests(page: str) -> Iterator[tuple[str, str]]:
    for word in words(page):
        if found := re.search(r"(?:^|::)(test_\w+)(\[.*)?$", word.rstrip(".,:")):
            yield found[1], found[2] or ""


def _tests_in_tables(page: str) -> Iterator[tuple[str, str]]:
    in_tests = False
    for line in TEXTS[page].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            in_tests = False
        elif cells[-1].startswith("Test"):
            in_tests = True
        elif in_tests:
            for span in re.findall(r"`([^`]+)`", cells[-1]):
                name, _, case = span.rpartition("::")[2].partition("[")
                if name.strip("…") and "/" not in name and not name.endswith(".py"):
                    yield name.strip("…"), case


def test_what_code_says_of_other_files_is_so() -> None:
    """Comments and docstrings that send the reader to another file."""
    ours = "|".join(sorted(CODE_FOLDERS | PACKAGES))
    named = re.compile(rf"(?<![\w./<])(?:{ours})/[\w/-]+\.(?:py|md|yaml|json)\b")
    code_files = sorted(name for name in repository() if name.endswith((".py", ".yaml")) or name == "Makefile")
    said = {(file, name) for file in code_files for name in named.findall((ROOT / file).read_text(encoding="utf-8"))}
    assert not [f"{file}: {name}" for file, name in sorted(said) if not file.startswith("tests/") and not exists(name)]


def test_the_settings_page_is_current_and_says_what_each_means() -> None:
    assert settings_page.TARGET.read_text(encoding="utf-8") == settings_page.render(), "run: make pages"
    assert not [row.name for group in settings() for row in group.rows if not row.meaning]


def test_the_pictures_of_the_rooms_show_the_arrows_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*SOURCES, *sys.path])
    page = rooms.PAGE.read_text(encoding="utf-8")
    assert page == rooms.render(page, rooms.build_graph()), "run: make pages"


@pytest.mark.parametrize("walk", ["loan", "request"])
def test_a_walk_comes_to_no_room_twice(walk: str) -> None:
    table = rooms.PAGE.read_text(encoding="utf-8").partition(f"<!-- walk: {walk} -->\n")[2].partition("<!-- end -->")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    entered = [row[0].strip("`") for row in rows]
    assert len(entered) == len(set(entered)) > 3
    for room, file in ((row[0].partition(" (")[0].strip("`"), row[-1].strip("`")) for row in rows):
        assert room in file.removesuffix(".py"), f"{file} is not in {room}"
