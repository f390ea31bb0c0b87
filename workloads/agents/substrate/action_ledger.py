"""What engines and tools really wrote for a question: the family's ledger, with tools.

A completion that is handed in must be one that was decoded (`language_model/decoding_ledger.py`). Here also
each word that its policy did not draw must be where the grammar has a tool's result, a forced mode at the
front, or a forced critic: so a method can force no answer, no call and no entity.
"""

from collections.abc import Hashable, Sequence

from adabench.harness.errors import MethodContractError
from adabench.workloads.agents.substrate.action_steps import Ids, tool_words
from adabench.workloads.agents.substrate.action_words import CRITIC, MODES, REFLECT
from adabench.workloads.shared.language_model.decoding_ledger import DecodingLedger

FORCED = frozenset((*MODES, CRITIC, REFLECT))
"""Words that a method may force: how to answer, and roles."""


class ActionLedger(DecodingLedger):
    """A ledger that knows which words tools write."""

    def confirm(self, case: Hashable, answer: object) -> Ids:
        """Return the completion that an answer is.

        Raises:
            MethodContractError: if it was not decoded, or has words that nobody was to write.
        """
        completion = super().confirm(case, answer)
        if completion:
            forced = self._completions[case][completion]
            if tuple(word for word in forced if word not in FORCED) != tool_words(completion):
                raise MethodContractError(
                    "Words of this completion are neither its policy's nor a tool's.",
                    "Words come from the policy, and results from the tools of the session; only a mode "
                    "can be forced.",
                )
        return completion


def refuse_forced(parts: Sequence[Sequence[int]]) -> None:
    """Make sure that words are those which a method may force.

    Raises:
        MethodContractError: if others are among them.
    """
    if any(word not in FORCED for part in parts for word in part):
        raise MethodContractError(
            "An agent's words are its policy's: only a mode or a role can be forced.",
            "Begin with `session.begin(mode)`; results are put there by the tools.",
        )
