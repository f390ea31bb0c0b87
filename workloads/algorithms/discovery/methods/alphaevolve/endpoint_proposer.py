"""A language model behind an endpoint as proposer: its prompt, and how its answer becomes a program.

The prompt has the task, the parent with its score, inspirations with theirs, and what failed last. The answer holds
SEARCH/REPLACE blocks, each an exact part of the parent and what stands in its place, or a whole program in a fence.
"""

import re
from collections import deque
from collections.abc import Sequence

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.discovery.methods.alphaevolve.program_database import Program
from adabench.workloads.algorithms.discovery.substrate.discovery_task import Desk
from adabench.workloads.algorithms.discovery.substrate.walk_kernel import FEATURES
from adabench.workloads.algorithms.discovery.substrate.walk_policy import MOST_SIGNS, Policy

BLOCK = re.compile(r"<<<<<<< SEARCH\n(.*?)\n?=======\n(.*?)\n?>>>>>>> REPLACE", re.DOTALL)
FENCE = re.compile(r"```(?:python)?\n(.*?)```", re.DOTALL)
REMEMBERED, LONGEST_FAILURE = 3, 300
TASK = """\
Improve a Python program that prints the policy of a random walk. Lower cost is better: the mean log10 of the moves that
walks take until they are as good as the best known, or how far they fall short.

The program prints four lines, `name = expression`:
  kick   a truth: disturb the construction now          back   a truth: return to the best one
  heat   a number: how much worse a move may be         reach  a number from 0 to 1: how far a move goes
An expression has numbers, True, False, + - * / < > min max and or not, `a if c else b`, and these names, which the walk
fills in every 64 moves: {features} (moves since the best; moves since a kick; value above the best; moves; value; a
uniform random number). Modules at hand: math, random, itertools, statistics. No files, no network.

Answer with blocks
<<<<<<< SEARCH
an exact part of the program
=======
what stands in its place
>>>>>>> REPLACE
or with a whole program in a ```python fence.
"""


def as_program(policy: Policy) -> str:
    """Return a program that prints a policy."""
    return f'# EVOLVE-BLOCK-START\npolicy = """\n{policy}\n"""\n# EVOLVE-BLOCK-END\nprint(policy)\n'


class Proposer:
    """Asks the model of a desk for children of a program."""

    def __init__(self, desk: Desk, *, with_feedback: bool) -> None:
        self._desk, self._with_feedback = desk, with_feedback
        self._failures: deque[str] = deque(maxlen=REMEMBERED)

    def failed(self, why: str) -> None:
        """Remember what was wrong with a proposal, for the next prompt."""
        self._failures.append(why[:LONGEST_FAILURE])

    def propose(self, parent: Program, inspirations: Sequence[Program]) -> str:
        """Return the source of a child.

        Raises:
            MethodContractError: if the model answers with none.
        """
        return changed(parent.source, self._desk.ask(self._prompt(parent, inspirations)))

    def _prompt(self, parent: Program, inspirations: Sequence[Program]) -> str:
        parts = [TASK.format(features=", ".join(FEATURES))]
        if self._with_feedback:
            parts += [
                f"# Another program, cost {one.cost:.4f}\n{one.policy}" for one in inspirations
            ]
            parts += [f"# An earlier proposal failed: {why}" for why in self._failures]
            stages = ", ".join(f"{mean:.3f}" for mean in parent.evaluation.stages)
            parts.append(f"# The program to improve has cost {parent.cost:.4f}, by stages {stages}")
        return "\n\n".join([*parts, parent.source, "# Your answer:\n"])


def changed(source: str, answer: str) -> str:
    """Return a program after an answer: its blocks applied, or the program that it holds.

    Raises:
        MethodContractError: if there is neither, a block fits nowhere, or the program is too long.
    """
    blocks = BLOCK.findall(answer)
    for old, new in blocks:
        if not old or old not in source:
            raise MethodContractError(f"A SEARCH block is no part of the program: {old[:80]!r}")
        source = source.replace(old, new, 1)
    whole = FENCE.search(answer)
    if not blocks:
        if whole is None:
            raise MethodContractError(
                "The answer has no SEARCH/REPLACE block and no program in a fence."
            )
        source = whole[1]
    if len(source) > MOST_SIGNS:
        raise MethodContractError(
            f"The program has {len(source):,} characters; at most {MOST_SIGNS:,} are run."
        )
    return source
