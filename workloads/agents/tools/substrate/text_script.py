"""The script of text models: stages, tools, costs and results in English; an answer is one line.

    Stage 2, refund: stripe (cost 1), razorpay (cost 2)
    Tool: stripe                                              the model's
    Result: stripe is down.                                   what came of the call
    Tool: hand off                                            the model's, and the end
    Tools: lookup, stripe, email                              the model's, where it is asked for a whole path

What is forced is the beginning of a line: `Tool:` or `Tools:`. **An answer is read strictly**: the name of a tool of the
case as it is spelled, `done`, or `hand off`, and the end of the line. Whatever else stands there calls nothing; the model
reads how to write, which cost it a call.
"""

from adabench.workloads.agents.tools.substrate.choice_script import Turn, spoken_stages
from adabench.workloads.agents.tools.substrate.tool_graph import NextStep, RoutingCase
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.language_model.contract import Chunk, Engine

Ids = tuple[int, ...]
TextCodec = TokenizerCodec | TextPieces
LONGEST, LONGEST_PATH = 32, 200
SPARE = 400
"""Words that a case may take beyond its prompt: about ten calls with their results."""
INSTRUCTION = """A request is worked on stage by stage. Of each stage one tool has to work; then the next stage follows. \
Take the cheapest tool of a stage. If it is down, take another tool of the same stage; if it failed in passing or did not \
answer, call it again. When every stage is done, write done. When all tools of a stage are down, or a person has to \
decide, write hand off.

"""
_PARCEL = """Request: parcel request 17: weight, then label
Stage 1, weight: scale_a (cost 1), scale_b (cost 2)
Stage 2, label: printer (cost 1)
"""
STEPS_EXAMPLE = f"""{_PARCEL}Tool: scale_a
Result: scale_a is down.
Tool: scale_b
Result: scale_b worked.
Tool: printer
Result: printer worked.
Tool: done

"""
PATH_EXAMPLE = f"""{_PARCEL}Tools: scale_a, printer

"""
RESULTS = {
    "ok": "worked.",
    "risk": "worked. A person has to decide.",
    "err": "failed in passing.",
    "down": "is down.",
    "late": "did not answer in time.",
}
CORRECTION = "That is no tool of this request. Write the name of one tool, or done, or hand off."
NEXT, PATH = "Tool:", "Tools:"


class TextScript:
    """Reads and writes lines of text."""

    longest = LONGEST

    def __init__(self, codec: TextCodec) -> None:
        self._codec = codec
        self._start = len(codec.encode("")) if isinstance(codec, TokenizerCodec) else 0
        self._ends = codec.ends if isinstance(codec, TokenizerCodec) else frozenset((codec.end,))
        self.stops = codec.stops("\n")

    def prompt(self, case: RoutingCase) -> Ids:
        """Return the instruction, an example, the stages, and the beginning of a line."""
        return self._codec.encode(f"{INSTRUCTION}{STEPS_EXAMPLE}{request_text(case)}{NEXT}")

    def turn(self, case: RoutingCase, turn: Turn) -> Ids:
        """Return a call and its result, and the beginning of the next line; what the model wrote stays as it was."""
        line = self._line(turn.written) if turn.written else self._within(f" {turn.tool}\n")
        return (*line, *self._within(f"Result: {_said(turn)}\n{NEXT}"))

    def step(self, case: RoutingCase, chunk: Chunk) -> NextStep:
        """Return what a line says; one that was cut says nothing."""
        said = self._codec.decode(chunk.ids).strip() if chunk.finish == "stop" else ""
        if said in case.graph.tools:
            return NextStep("call", said)
        if said == "done":
            return NextStep("done")
        return NextStep("hand_off" if said == "hand off" else "corrected")

    def path(self, engine: Engine, case: RoutingCase) -> tuple[str, ...]:
        """Ask for a line with the names of tools; a line with anything else in it is no path."""
        seq = engine.open(
            self._codec.encode(f"{INSTRUCTION}{PATH_EXAMPLE}{request_text(case)}{PATH}")
        )
        chunk = engine.decode([seq], stop=self.stops, max_new=LONGEST_PATH, temperature=0.0)[0]
        engine.close(seq)
        if chunk.finish != "stop":
            return ()
        names = tuple(name.strip() for name in self._codec.decode(chunk.ids).split(","))
        return names if set(names) <= set(case.graph.tools) else ()

    def _line(self, words: Ids) -> Ids:
        """Return what a model wrote as a whole line; the word by which it ends, or a cut, is a line's end."""
        kept = tuple(word for word in words if word not in self._ends)
        whole = bool(kept) and kept[-1] in self.stops
        return kept if whole else (*kept, *self._within("\n"))

    def _within(self, text: str) -> Ids:
        """Return the ids of a text that stands within another one."""
        return self._codec.encode(text)[self._start :]


def request_text(case: RoutingCase) -> str:
    """Return the stages of a case with their tools and costs."""
    graph, lines = case.graph, [f"Request: {case.request}"]
    into: dict[str, float] = {}
    for _, end, cost in graph.edges:
        into[end] = min(cost, into.get(end, cost))
    for number, tools in enumerate(spoken_stages(graph), 1):
        title = graph.stages[graph.stage_of[tools[0]]].title
        shown = ", ".join(f"{tool} (cost {into.get(tool, 0.0):g})" for tool in tools)
        lines.append(f"Stage {number}, {title}: {shown}")
    return "\n".join(lines) + "\n"


def _said(turn: Turn) -> str:
    if turn.status == "malformed":
        return CORRECTION
    return f"{turn.tool} {RESULTS[turn.status]}"
