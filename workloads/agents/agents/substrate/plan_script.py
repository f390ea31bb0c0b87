"""The script of planners: all calls ahead, what came of them, and then an answer or another plan.

plan H1 K1 A7 B12 r5 ; H2 K1 w1 H1 r2 ; join        the planner's, one call of the model
H1 K1 = A3 B9 ; H2 K1 = late ;                      the executor's
ans A5 B6 ;   or   plan                             the joiner's, one call of the model
"""

from collections.abc import Sequence

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.agents.substrate.script import Ids, ToolResult
from adabench.workloads.agents.agents.substrate.word_script import WordScript
from adabench.workloads.agents.substrate.action_steps import Call
from adabench.workloads.agents.substrate.action_words import END_STEP, FAULTS, JOIN, PLAN, TIMEOUT
from adabench.workloads.agents.substrate.plan_steps import observed, planned_calls
from adabench.workloads.agents.substrate.tool_server import DEADLINE_S, ToolServer


class PlanScript(WordScript):
    """Reads and writes plans in the words of `action_words.py`."""

    step_ends = frozenset((END_STEP, PLAN))
    """Where a joiner's call ends."""
    plan_ends = frozenset((END_STEP, JOIN))
    """Where a planned call ends, and the plan."""

    def opening(self, mode: str) -> Ids:
        """Return the word that a plan begins with.

        Raises:
            SelectionError: if it is another mode.
        """
        if mode != "plan":
            raise SelectionError(f"A planner has no mode {mode!r}.", nearest(mode, ("plan",)))
        return (PLAN,)

    def is_due(self, completion: Ids) -> bool:
        """Say that no tool answers at once: calls are the executor's."""
        return False

    def goes_on(self, completion: Ids) -> bool:
        """Say that no step goes on behind its end."""
        return False

    def is_planned(self, completion: Ids) -> bool:
        """Tell whether a plan is whole."""
        return completion[-1:] == (JOIN,)

    def planned(self, completion: Ids) -> list[Call]:
        """Return the calls of the latest plan that are whole so far."""
        return planned_calls(completion)

    def call(self, tools: ToolServer, call: Call, attempt: int) -> ToolResult:
        """Make a call; its words have nothing behind them."""
        words = tools.call(call.tool, call.arguments, attempt)
        late_s = DEADLINE_S if words == (TIMEOUT,) else 0.0
        return ToolResult(words, words[0] in FAULTS, late_s)

    def observed(self, calls: Sequence[tuple[Call, Ids]]) -> Ids:
        """Return what the joiner reads of the calls."""
        return observed(calls)
