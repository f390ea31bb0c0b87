"""The tools of a text model: search, the type of somebody, a calculator, Python; over the same worlds and faults.

    search[mentor of Ada Birch]     sentences of the index that have these words
    lookup[Ada Birch]               what somebody is
    calc[(7 + 4) * 2]               whole numbers, + - * % and brackets, by a parser of our own
    python[print(7 + 4)]            a process of its own

Each answers with one line. What a model learns of a fault is what a call returned. A model's code has ten million
instructions of Python, two seconds of sleep, which are counted and not slept, 256 MB of address space, no file
to write, and an environment in which sets have one order; twenty seconds of processor time end what loops below
Python. A busy machine moves none of these limits. They hold honest code back; they are no jail.
"""

import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from adabench.workloads.agents.substrate.action_words import C1, C2, K1, K2, TIMEOUT
from adabench.workloads.agents.substrate.fault_plans import FaultPlan
from adabench.workloads.agents.substrate.serving.article_world import ArticleIndex
from adabench.workloads.agents.substrate.tool_server import DEADLINE_S
from adabench.workloads.agents.substrate.worlds import World
from adabench.workloads.shared.programs.confined_python import run_python

TOOLS = {"search": K1, "lookup": K2, "calc": C1, "python": C2}
NOTHING = "Nothing was found."
DOWN, ERROR, LATE = (
    "The tool is out of order.",
    "The tool failed; it may work another time.",
    "The tool did not answer in time.",
)
_TOKEN = re.compile(r"\s*(\d+|[-+*%()])")


@dataclass(frozen=True)
class Said:
    """What a tool said."""

    text: str
    failed: bool = False
    late_s: float = 0.0


class TextTools:
    """The tools of one question."""

    def __init__(self, world: World, faults: FaultPlan) -> None:
        self._world, self._faults = world, faults
        self._index: ArticleIndex | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._asked: Counter[tuple[str, str]] = Counter()

    def call(self, tool: str, argument: str) -> Said:
        """Return what a tool says."""
        if tool not in TOOLS:
            return Said(f"There is no tool {tool!r}: it is one of {', '.join(TOOLS)}.", True)
        code, attempt = TOOLS[tool], self._asked[tool, argument]
        self._asked[tool, argument] += 1
        if code in self._faults.down:
            return Said(DOWN, True)
        fault = self._faults.fault(code, tuple(argument.encode()), attempt)
        if fault is not None:
            return Said(LATE, True, DEADLINE_S) if fault == TIMEOUT else Said(ERROR, True)
        if tool == "calc":
            return Said(calculated(argument))
        if tool == "python":
            said, in_time = run_python(argument)
            return Said(" ".join(said.split()) if in_time else LATE, not in_time)
        return Said(self._searched(f"{argument} is a" if tool == "lookup" else argument))

    def close(self) -> None:
        """Let go of the index."""
        if self._index is not None and self._folder is not None:
            self._index.close()
            self._folder.cleanup()

    def _searched(self, query: str) -> str:
        if self._index is None:
            self._folder = tempfile.TemporaryDirectory(prefix="adabench-articles-")
            self._index = ArticleIndex(self._world, Path(self._folder.name) / "articles.sqlite")
        return " ".join(self._index.matches(query)) or NOTHING


def calculated(text: str) -> str:
    """Return the value of an expression as text, or why it has none."""
    words: list[str] = []
    place = 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None or len(words) > 100:
            return "That is no expression of whole numbers, + - * % and brackets."
        words.append(match[1])
        place = match.end()
    try:
        value, end = _sum(words, 0)
    except (IndexError, ValueError, ZeroDivisionError, RecursionError):
        return "That is no expression of whole numbers, + - * % and brackets."
    return str(value)[:40] if end == len(words) else "That is no whole expression."


def _sum(words: list[str], place: int) -> tuple[int, int]:
    value, place = _product(words, place)
    while place < len(words) and words[place] in "+-":
        other, end = _product(words, place + 1)
        value, place = (value + other if words[place] == "+" else value - other), end
    return value, place


def _product(words: list[str], place: int) -> tuple[int, int]:
    value, place = _factor(words, place)
    while place < len(words) and words[place] in "*%":
        other, end = _factor(words, place + 1)
        value, place = (value * other if words[place] == "*" else value % other), end
    return value, place


def _factor(words: list[str], place: int) -> tuple[int, int]:
    if words[place] == "-":
        value, end = _factor(words, place + 1)
        return -value, end
    if words[place] != "(":
        return int(words[place][:18]), place + 1
    value, end = _sum(words, place + 1)
    if words[end] != ")":
        raise ValueError
    return value, end + 1
