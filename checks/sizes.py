"""Size budgets: folders, files, functions and the docstrings of methods."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from checks.offence import Offence
from checks.tree import Source, Tree

FOLDER_ENTRIES = 25
FILE_LINES = 400
FUNCTION_LINES = 60
DOCSTRING_LINES = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


def offences(tree: Tree) -> Iterator[Offence]:
    """Yield everything that is over its budget."""
    yield from _folders(tree)
    for source in tree.sources:
        yield from _file(source)
        yield from _functions(source)
        yield from _docstring(source)


def _folders(tree: Tree) -> Iterator[Offence]:
    """Count what a reader sees in each folder that has code in it or below it."""
    with_code = {
        str(folder) for source in tree.sources for folder in PurePosixPath(source.path).parents
    }
    for folder in sorted(with_code - {"."}):
        shown = [
            path for path in (tree.root / folder).iterdir()
            if path.name[0] not in "._" or path.suffix == ".py"
        ]  # fmt: skip
        if len(shown) > FOLDER_ENTRIES:
            yield Offence(
                "folder-entries", folder,
                f"{folder}/ has {len(shown)} entries, and {FOLDER_ENTRIES} are allowed. "
                "Group them in folders named by what they share.", len(shown),
            )  # fmt: skip


def _file(source: Source) -> Iterator[Offence]:
    if source.lines > FILE_LINES:
        yield Offence(
            "file-lines", source.path,
            f"{source.path} has {source.lines} lines, and {FILE_LINES} are allowed. "
            "Split it into modules named by what each defines.", source.lines,
        )  # fmt: skip


def _functions(source: Source) -> Iterator[Offence]:
    for node in source.nodes:
        if isinstance(node, Function) and node.end_lineno:
            size = node.end_lineno - node.lineno + 1
            if size > FUNCTION_LINES:
                yield Offence(
                    "function-lines", f"{source.path}::{node.name}",
                    f"{source.path}:{node.lineno}: {node.name} has {size} lines, and "
                    f"{FUNCTION_LINES} are allowed. Take a step of it out into a function.", size,
                )  # fmt: skip


def _docstring(source: Source) -> Iterator[Offence]:
    """Measure the docstring of a method: a file with a card that is no task's."""
    first = source.syntax.body[0] if source.syntax.body else None
    is_method = source.role and source.name != "task"
    if not is_method or not isinstance(first, ast.Expr) or not ast.get_docstring(source.syntax):
        return
    size = (first.end_lineno or first.lineno) - first.lineno + 1
    if size > DOCSTRING_LINES:
        yield Offence(
            "docstring-lines", source.path,
            f"{source.path} has a docstring of {size} lines, and {DOCSTRING_LINES} are allowed. "
            "Results belong in docs/recorded, what was tried and dropped in docs/log.", size,
        )  # fmt: skip
