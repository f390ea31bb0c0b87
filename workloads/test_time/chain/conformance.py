"""What every chain method must obey, ours or a plug-in's.

    source      it names nothing that tells right from wrong (oracles excepted): the truth, the rules of
                arithmetic, the task's problems and credit
    engine      it touches models through a session alone, so that every token is counted

`check` yields a sentence per broken rule. It reads the method's own source and finds honest
mistakes and the usual short cuts; what a method imports from elsewhere is not read.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from adabench.harness.contract.card import Card

GOLD = frozenset({"truth", "apply", "credit", "problems", "score"})
BEHIND = frozenset({"models", "NativeEngine", "Blocks", "restore", "checkpoint", "meter", "costs"})


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method."""
    if method.__file__ is None:
        return
    tree = ast.parse(Path(method.__file__).read_text(encoding="utf-8"))
    named = _names(tree)
    if card.role != "oracle":
        for name in sorted(named & GOLD):
            yield f"it names {name!r}, which tells right from wrong; only an oracle may"
    for name in sorted(named & BEHIND):
        yield f"it names {name!r}; reach models through task.session(question) alone"


def _names(tree: ast.AST) -> set[str]:
    """Return imported names, attributes and variables of a source."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
            found.add((node.module or "").rpartition(".")[2])
    return found
