"""Size budgets: folders, files, functions, the docstrings of methods, and what one paper may take."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from checks.offence import Offence
from checks.reachability import closure, graph, roots
from checks.tree import Source, Tree

FOLDER_ENTRIES = 25
FILE_LINES = 400
FUNCTION_LINES = 60
DOCSTRING_LINES = 40
PAPER_FILES = 8
PAPER_LINES = 1500

Function = ast.FunctionDef | ast.AsyncFunctionDef


def offences(tree: Tree) -> Iterator[Offence]:
    """Yield everything that is over its budget."""
    yield from _folders(tree)
    for source in tree.sources:
        yield from _file(source)
        yield from _functions(source)
        yield from _docstring(source)
    yield from _papers(tree)


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


def _papers(tree: Tree) -> Iterator[Offence]:
    """Add up what is a method's own in a folder of its name, and what is a paper's own."""
    for place, files in sorted({**_method_folders(tree), **paper_files(tree)}.items()):
        lines = sum(source.lines for source in files)
        if len(files) > PAPER_FILES:
            yield Offence(
                "paper-files", place,
                f"{place} has {len(files)} files, and {PAPER_FILES} are allowed for a paper. "
                "Move what other methods could use to substrate/, or drop what is not needed.",
                len(files),
            )  # fmt: skip
        if lines > PAPER_LINES:
            yield Offence(
                "paper-lines", place,
                f"{place} has {lines} lines, and {PAPER_LINES} are allowed for a paper. "
                "Move what other methods could use to substrate/, or drop what is not needed.",
                lines,
            )  # fmt: skip


def _method_folders(tree: Tree) -> dict[str, list[Source]]:
    """Return the files of each method that has a folder of its own."""
    folders: dict[str, list[Source]] = defaultdict(list)
    for source in tree.sources:
        if "methods" in source.parts[:-2]:
            end = source.parts.index("methods") + 2
            folders["/".join(source.parts[:end]) + "/"].append(source)
    return folders


def paper_files(tree: Tree) -> dict[str, list[Source]]:
    """Return the files of each paper: adaptive methods with its slug, and what nothing else leads to.

    Rivals, controls and oracles are methods of the task, and what several methods use is substrate.
    """
    edges, starts = graph(tree), list(roots(tree))
    everything = closure(edges, starts)
    methods: dict[str, set[str]] = defaultdict(set)
    for source in tree.sources:
        if source.slug and source.role == "adaptive":
            methods[source.slug].add(source.path)
    papers: dict[str, list[Source]] = {}
    for slug, own in methods.items():
        others = closure(edges, (source for source in starts if source.path not in own))
        mine = own | (everything - others)
        papers[f"The paper {slug}"] = [source for source in tree.sources if source.path in mine]
    return papers
