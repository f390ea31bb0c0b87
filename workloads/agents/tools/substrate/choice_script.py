"""How a model is asked which tool comes next, and how its answer is read, whatever its words are.

`WordScript` is that of the small model of this task (`choice_words.py`); `text_script.py` is that of any other one.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from adabench.workloads.agents.tools.substrate.choice_words import (
    DOWN,
    ERROR,
    LATE,
    LONGEST,
    OK,
    RISK,
    STOPS,
    Ids,
    call_words,
    choice_of,
    prompt_words,
    result_words,
)
from adabench.workloads.agents.tools.substrate.tool_graph import NextStep, RoutingCase, ToolGraph
from adabench.workloads.shared.language_model.contract import Chunk, Engine

CallStatus = Literal["ok", "risk", "err", "down", "late"]
"""What came of a call; `risk`: it worked, and a person has to decide."""
_WORDS = {"ok": OK, "risk": RISK, "err": ERROR, "down": DOWN, "late": LATE}


@dataclass(frozen=True)
class Turn:
    """A call and what came of it; or an answer that could not be read, which calls nothing."""

    tool: str
    status: CallStatus | Literal["malformed"]
    written: Ids = ()
    """The model's own words, where it was the model that named the tool."""


class ChoiceScript(Protocol):
    """Puts a case into words, and reads answers."""

    stops: frozenset[int]
    longest: int
    """Words of an answer, after which it is cut."""

    def prompt(self, case: RoutingCase) -> Ids:
        """Return what a model reads of a case in which nothing was called."""

    def turn(self, case: RoutingCase, turn: Turn) -> Ids:
        """Return what stands behind that for a call, or for an answer that could not be read."""

    def step(self, case: RoutingCase, chunk: Chunk) -> NextStep:
        """Return what an answer says."""

    def path(self, engine: Engine, case: RoutingCase) -> tuple[str, ...]:
        """Ask for a whole path, once; return its tools, none where nothing can be read."""


class WordScript:
    """The script of the small model: a word for a stage, a tool, a status."""

    stops = STOPS
    longest = LONGEST

    def prompt(self, case: RoutingCase) -> Ids:
        """Return the stages, each with the numbers of its tools."""
        number = _numbers(case)
        stages = spoken_stages(case.graph)
        return prompt_words([[number[tool] for tool in tools] for tools in stages])

    def turn(self, case: RoutingCase, turn: Turn) -> Ids:
        """Return a call with its result; an answer that could not be read leaves no word."""
        if turn.status == "malformed":
            return ()
        words = call_words(_numbers(case)[turn.tool])
        return (*words, *_result(case, turn.tool, _WORDS[turn.status]))

    def step(self, case: RoutingCase, chunk: Chunk) -> NextStep:
        """Return what an answer says; a tool that the case does not have is unreadable."""
        choice = choice_of(chunk.ids)
        if choice.verb != "call":
            return NextStep(choice.verb)
        if choice.tool not in case.numbers:
            return NextStep("unreadable")
        return NextStep("call", case.graph.tools[case.numbers.index(choice.tool)])

    def path(self, engine: Engine, case: RoutingCase) -> tuple[str, ...]:
        """Let the model go on behind its own calls as if each of them had worked.

        It names one tool at a time and knows no other form of a path. So an `ok` that nobody gave is put behind each
        name, forced words that are read and counted; nothing that it reads comes from a tool.
        """
        seq = engine.open(self.prompt(case))
        found: list[str] = []
        while len(found) < len(case.graph.tools):
            chunk = engine.decode([seq], stop=STOPS, max_new=LONGEST, temperature=0.0)[0]
            step = self.step(case, chunk)
            if step.verb != "call":
                break
            found.append(step.tool)
            engine.append([seq], [_result(case, step.tool, OK)])
        engine.close(seq)
        return () if step.verb == "unreadable" else tuple(found)


def spoken_stages(graph: ToolGraph) -> list[tuple[str, ...]]:
    """Return the stages as a model is told of them: where all are to be called, each tool is a stage."""
    first = [(tool,) for tool in graph.by_cost(0)] if graph.covers else [graph.by_cost(0)]
    return [*first, *(graph.by_cost(stage) for stage in range(1, len(graph.stages)))]


def _result(case: RoutingCase, tool: str, status: int) -> Ids:
    stage = next(n for n, tools in enumerate(spoken_stages(case.graph)) if tool in tools)
    return result_words(status, stage, _numbers(case)[tool])


def _numbers(case: RoutingCase) -> dict[str, int]:
    return dict(zip(case.graph.tools, case.numbers, strict=True))
