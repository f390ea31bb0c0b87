"""The scripts of the small policies (the family's grammar of actions) and of planners.

plan H1 K1 A7 B12 r5 ; H2 K1 w1 H1 r2 ; join        the planner's, one call of the model
H1 K1 = A3 B9 ; H2 K1 = late ;                      the executor's
ans A5 B6 ;   or   plan                             the joiner's, one call of the model
"""

import math
from collections.abc import Sequence

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.action_steps import (
    MARKERS,
    Call,
    handed_over,
    is_due,
    last_step,
    stated,
)
from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.episodes import (
    CRITIC_WORDS,
    LONGEST,
    STEP_ENDS,
    VERDICTS,
    due_result,
    is_over,
)
from adabench.workloads.agents.substrate.plan_steps import observed, planned_calls
from adabench.workloads.agents.substrate.serving.script import Ids, Plane, ToolResult
from adabench.workloads.agents.substrate.tool_server import DEADLINE_S, ToolServer
from adabench.workloads.shared.language_model.contract import Seq


class WordScript:
    """Reads and writes episodes in the words of `action_words.py`."""

    longest = LONGEST
    step_ends = STEP_ENDS
    verdict_ends = STEP_ENDS | VERDICTS
    critic: Ids = (tokens.CRITIC,)
    critic_words = CRITIC_WORDS
    reflect: Ids = (tokens.REFLECT,)
    reflect_words = 6

    def opening(self, mode: str) -> Ids:
        """Return the word of a mode.

        Raises:
            SelectionError: if there is no such mode.
        """
        if mode not in MODE_NAMES:
            raise SelectionError(f"There is no mode {mode!r}.", nearest(mode, MODE_NAMES))
        return (tokens.IDS[mode],)

    def prompt(self, prompt: Ids, hints: Sequence[Ids]) -> Ids:
        """Return a prompt with hints before its end; of two for one hop the latest counts."""
        latest = {hint[1]: hint for hint in hints}
        words = [word for hint in latest.values() for word in hint]
        assert prompt[-1] == tokens.END_PROMPT
        return (*prompt[:-1], *words, tokens.END_PROMPT)

    def is_due(self, completion: Ids) -> bool:
        """Tell whether a tool has to answer now."""
        return is_due(completion)

    def goes_on(self, completion: Ids) -> bool:
        """Tell whether the model now writes a result itself."""
        return bool(completion) and completion[-1] == tokens.EQUALS

    def result(self, tools: ToolServer, completion: Ids) -> ToolResult:
        """Call the tool that is due."""
        _, words = due_result(tools, completion)
        late_s = DEADLINE_S if words == (tokens.TIMEOUT,) else 0.0
        return ToolResult((*words, tokens.END_STEP), words[0] in tokens.FAULTS, late_s)

    def is_over(self, seq: Seq) -> bool:
        """Tell whether an episode has come to its end."""
        return is_over(seq)

    def stated(self, completion: Ids) -> Ids | None:
        """Return the answer; a declared failure is none."""
        found = stated(completion)
        return None if found == (tokens.FAIL,) else found

    def plane(self, completion: Ids) -> Plane:
        """Tell whether the latest step chose what to do next, or produced something."""
        last = last_step(completion)
        is_thought = len(last.head) > 1 and last.head[1] == tokens.OWN_THOUGHT
        return "data" if is_thought or last.head[:1] == (tokens.ANSWER,) else "control"

    def verdict(self, words: Ids, logprob: float) -> float | None:
        """Return how probably the critic says ok; None if it has said neither."""
        if words[-1:] not in ((tokens.OK,), (tokens.BAD,)):
            return None
        sure = math.exp(logprob)
        return sure if words[-1] == tokens.OK else 1 - sure

    def judged_bad(self, ids: Ids) -> Ids:
        """Return a critic's words with `bad` in the place of its verdict."""
        return (*ids[:-1], tokens.BAD) if ids[-1] in VERDICTS else (*ids, tokens.BAD)

    def hint(self, words: Ids) -> Ids | None:
        """Return `R H2 w1` if a reflection names a hop and a row."""
        if (
            len(words) == 3
            and words[0] in MARKERS
            and words[1] in tokens.ROWS
            and words[2] == tokens.END_STEP
        ):
            return (tokens.REFLECT, words[0], words[1])
        return None

    def transcript(self, completion: Ids) -> Ids:
        """Return what another desk goes on from: an answer, or all before the calls that were down."""
        return handed_over(completion)


class PlanScript(WordScript):
    """Reads and writes plans in the words of `action_words.py`."""

    step_ends = frozenset((tokens.END_STEP, tokens.PLAN))
    """Where a joiner's call ends."""
    plan_ends = frozenset((tokens.END_STEP, tokens.JOIN))
    """Where a planned call ends, and the plan."""

    def opening(self, mode: str) -> Ids:
        """Return the word that a plan begins with.

        Raises:
            SelectionError: if it is another mode.
        """
        if mode != "plan":
            raise SelectionError(f"A planner has no mode {mode!r}.", nearest(mode, ("plan",)))
        return (tokens.PLAN,)

    def is_due(self, completion: Ids) -> bool:
        """Say that no tool answers at once: calls are the executor's."""
        return False

    def goes_on(self, completion: Ids) -> bool:
        """Say that no step goes on behind its end."""
        return False

    def is_planned(self, completion: Ids) -> bool:
        """Tell whether a plan is whole."""
        return completion[-1:] == (tokens.JOIN,)

    def planned(self, completion: Ids) -> list[Call]:
        """Return the calls of the latest plan that are whole so far."""
        return planned_calls(completion)

    def call(self, tools: ToolServer, call: Call, attempt: int) -> ToolResult:
        """Make a call; its words have nothing behind them."""
        words = tools.call(call.tool, call.arguments, attempt)
        late_s = DEADLINE_S if words == (tokens.TIMEOUT,) else 0.0
        return ToolResult(words, words[0] in tokens.FAULTS, late_s)

    def observed(self, calls: Sequence[tuple[Call, Ids]]) -> Ids:
        """Return what the joiner reads of the calls."""
        return observed(calls)
