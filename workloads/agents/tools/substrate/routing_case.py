"""One request with its graph of tools, and what a model says of it: which call is next, or that there is none."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from adabench.workloads.agents.tools.substrate.tool_graph import ToolGraph


@dataclass(frozen=True)
class RoutingCase:
    """One request and the graph of tools for it."""

    index: int
    group: str
    graph: ToolGraph
    request: str
    reference: int
    """What the first tool is called with."""
    numbers: tuple[int, ...]
    """By tool, in the graph's order: its number in the model's words."""


class NextStep(NamedTuple):
    """What the model says: a call of a tool, the end, a hand-off, or nothing that can be read.

    Behind an `unreadable` answer the same words would be read again; behind a `corrected` one the model is told how
    to write, and may be asked once more.
    """

    verb: Literal["call", "done", "hand_off", "unreadable", "corrected"]
    tool: str = ""
