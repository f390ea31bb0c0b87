"""The script of the small policies: the family's grammar of actions."""

import math
from collections.abc import Sequence

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.agents.substrate.script import Ids, Plane, ToolResult
from adabench.workloads.agents.substrate.action_steps import MARKERS, is_due, last_step, stated
from adabench.workloads.agents.substrate.action_words import (
    ANSWER,
    BAD,
    CRITIC,
    END_PROMPT,
    END_STEP,
    EQUALS,
    FAIL,
    FAULTS,
    IDS,
    OK,
    OWN_THOUGHT,
    REFLECT,
    ROWS,
    TIMEOUT,
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
from adabench.workloads.agents.substrate.tool_server import DEADLINE_S, ToolServer
from adabench.workloads.shared.language_model.contract import Seq


class WordScript:
    """Reads and writes episodes in the words of `action_words.py`."""

    longest = LONGEST
    step_ends = STEP_ENDS
    verdict_ends = STEP_ENDS | VERDICTS
    critic: Ids = (CRITIC,)
    critic_words = CRITIC_WORDS
    reflect: Ids = (REFLECT,)
    reflect_words = 6

    def opening(self, mode: str) -> Ids:
        """Return the word of a mode.

        Raises:
            SelectionError: if there is no such mode.
        """
        if mode not in MODE_NAMES:
            raise SelectionError(f"There is no mode {mode!r}.", nearest(mode, MODE_NAMES))
        return (IDS[mode],)

    def prompt(self, prompt: Ids, hints: Sequence[Ids]) -> Ids:
        """Return a prompt with hints before its end; of two for one hop the latest counts."""
        latest = {hint[1]: hint for hint in hints}
        words = [word for hint in latest.values() for word in hint]
        assert prompt[-1] == END_PROMPT
        return (*prompt[:-1], *words, END_PROMPT)

    def is_due(self, completion: Ids) -> bool:
        """Tell whether a tool has to answer now."""
        return is_due(completion)

    def goes_on(self, completion: Ids) -> bool:
        """Tell whether the model now writes a result itself."""
        return bool(completion) and completion[-1] == EQUALS

    def result(self, tools: ToolServer, completion: Ids) -> ToolResult:
        """Call the tool that is due."""
        _, words = due_result(tools, completion)
        late_s = DEADLINE_S if words == (TIMEOUT,) else 0.0
        return ToolResult((*words, END_STEP), words[0] in FAULTS, late_s)

    def is_over(self, seq: Seq) -> bool:
        """Tell whether an episode has come to its end."""
        return is_over(seq)

    def stated(self, completion: Ids) -> Ids | None:
        """Return the answer; a declared failure is none."""
        found = stated(completion)
        return None if found == (FAIL,) else found

    def plane(self, completion: Ids) -> Plane:
        """Tell whether the latest step chose what to do next, or produced something."""
        last = last_step(completion)
        is_thought = len(last.head) > 1 and last.head[1] == OWN_THOUGHT
        return "data" if is_thought or last.head[:1] == (ANSWER,) else "control"

    def verdict(self, words: Ids, logprob: float) -> float | None:
        """Return how probably the critic says ok; None if it has said neither."""
        if words[-1:] not in ((OK,), (BAD,)):
            return None
        sure = math.exp(logprob)
        return sure if words[-1] == OK else 1 - sure

    def judged_bad(self, ids: Ids) -> Ids:
        """Return a critic's words with `bad` in the place of its verdict."""
        return (*ids[:-1], BAD) if ids[-1] in VERDICTS else (*ids, BAD)

    def hint(self, words: Ids) -> Ids | None:
        """Return `R H2 w1` if a reflection names a hop and a row."""
        if len(words) == 3 and words[0] in MARKERS and words[1] in ROWS and words[2] == END_STEP:
            return (REFLECT, words[0], words[1])
        return None
