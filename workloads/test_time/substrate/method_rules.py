"""What every method of this family must obey on any of its tasks, ours or a plug-in's.

    source      it imports nothing but contracts and substrate, and names nothing that tells right
                from wrong: the task's grader, credit and score (oracles excepted)
    words       a method of the family names no word, no mark and no task: what its task's domain
                says it asks the session
    engine      it touches models through a session alone, so that every token is counted

`method_problems` yields a sentence per broken rule. It reads the method's own source and finds honest
mistakes and the usual short cuts; what a method imports from elsewhere is not read. Whether an
answer was decoded, and whether the meter says what was counted, is found when it runs
(`decoding_ledger.py`).
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

GOLD = frozenset({"credit", "grader", "score"})
BEHIND = frozenset(
    {"models", "trained_models", "NativeEngine", "Blocks", "restore", "meter", "costs"}
)
WORDS = frozenset({"vocabulary", "codec", "step_marks", "end_marks", "STEP_WORDS", "STEP", "EOS"})
"""What ties a method to the words of one task."""
SESSION = "session"
"""The name under which methods hold one; its `score` is of the policy, and grades nothing."""
FAMILY = "adabench.workloads.test_time"


def method_problems(task: str, method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method on a task of the family, named by its folder."""
    if method.__file__ is None:
        return
    tree = ast.parse(Path(method.__file__).read_text(encoding="utf-8"))
    named = _names(tree)
    yield from source_problems(Rules(f"{FAMILY}.{task}", who="method"), method, card)
    if card.role != "oracle":
        for name in sorted(named & GOLD):
            yield f"it names {name!r}, which tells right from wrong; only an oracle may"
    for name in sorted(named & BEHIND):
        yield f"it names {name!r}; reach models through task.session(question) alone"
    if method.__name__.startswith(f"{FAMILY}.methods."):
        for name in sorted(named & WORDS):
            yield f"it names {name!r}, which is of one task's words; ask the session instead"


def _attributes(tree: ast.AST) -> set[str]:
    """Return the attributes that a source reads, but a session's `score`."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and not _is_of_the_policy(node)
    }


def _is_of_the_policy(node: ast.Attribute) -> bool:
    held_by = node.value
    return node.attr == "score" and isinstance(held_by, ast.Name) and held_by.id == SESSION


def _names(tree: ast.AST) -> set[str]:
    """Return imported names, attributes and variables of a source."""
    found = _attributes(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
            found.add((node.module or "").rpartition(".")[2])
    return found
