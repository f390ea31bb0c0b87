"""The tree in docs/architecture.md: folders and files of the product, each with what it is."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("cli", "harness", "profilers", "reports", "kernels", "workloads", "checks")
OPEN, CLOSE = "<!-- tree -->", "<!-- /tree -->"
MOST = 90
"""Characters of a docstring's first line."""
INDENT = "  "


def insert(text: str) -> str:
    """Return a page with the tree between its two markers."""
    before, _, rest = text.partition(OPEN)
    _, _, after = rest.partition(CLOSE)
    return f"{before}{OPEN}\n```\n{tree()}\n```\n{CLOSE}{after}"


@cache
def tree(root: Path = ROOT) -> str:
    """Return a line for each folder and file of the product."""
    return "\n".join(line for top in TOPS for line in _folder(root / top, 0))


def _folder(folder: Path, depth: int) -> Iterator[str]:
    files = [path for path in sorted(folder.iterdir()) if path.suffix == ".py"]
    folders = [path for path in sorted(folder.iterdir()) if path.is_dir() and _has_code(path)]
    yield f"{INDENT * depth}{folder.name}/"
    if folder.name == "methods":  # each of its files is a method: names say it
        names = [path.stem for path in files] + [f"{path.name}/" for path in folders]
        yield from _wrapped(names, depth + 1)
        return
    for path in files:
        yield f"{INDENT * (depth + 1)}{path.name:<24} {_first_line(path)}".rstrip()
    for path in folders:
        yield from _folder(path, depth + 1)


def _has_code(folder: Path) -> bool:
    return not folder.name.startswith((".", "__")) and any(folder.rglob("*.py"))


def _wrapped(names: list[str], depth: int) -> Iterator[str]:
    line = ""
    for name in names:
        if line and len(line) + len(name) > MOST:
            yield f"{INDENT * depth}{line}".rstrip()
            line = ""
        line += f"{name} "
    if line:
        yield f"{INDENT * depth}{line}".rstrip()


def _first_line(path: Path) -> str:
    """Return the first line of a file's docstring, cut at a word."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    line = text.partition("\n")[0].strip()
    return line if len(line) <= MOST else f"{line[: MOST - 1].rsplit(' ', 1)[0]} …"
