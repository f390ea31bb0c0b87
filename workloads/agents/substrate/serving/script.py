"""How episodes are written and read, whatever the words are: of the small policies, or of a text model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from adabench.workloads.shared.language_model.contract import Seq

Ids = tuple[int, ...]
Plane = Literal["control", "data"]


@dataclass(frozen=True)
class ToolResult:
    """What a tool said."""

    words: Ids
    """With what closes them."""
    failed: bool = False
    late_s: float = 0.0
    """How long the call blocks: until its deadline, where the tool never answers."""


class Script(Protocol):
    """Reads and writes episodes."""

    longest: int
    """Words of an episode, after which it is cut."""
    step_ends: frozenset[int]
    verdict_ends: frozenset[int]
    critic: Ids
    """What asks the critic, forced behind an answer."""
    critic_words: int
    """The most that it adds."""
    reflect: Ids
    """What asks for a reflection, forced behind a critic that said bad."""
    reflect_words: int

    def opening(self, mode: str) -> Ids:
        """Return the words that a mode forces."""

    def prompt(self, prompt: Ids, hints: Sequence[Ids]) -> Ids:
        """Return a prompt with hints in it."""

    def is_due(self, completion: Ids) -> bool:
        """Tell whether a tool has to answer now."""

    def goes_on(self, completion: Ids) -> bool:
        """Tell whether a step that was cut at one of `step_ends` is not whole yet."""

    def result(self, tools: Any, completion: Ids) -> ToolResult:
        """Call the tool that is due."""

    def is_over(self, seq: Seq) -> bool:
        """Tell whether an episode has come to its end."""

    def stated(self, completion: Ids) -> Any:
        """Return what is answered; None where nothing is, or failure is declared."""

    def plane(self, completion: Ids) -> Plane:
        """Tell whether the latest call chose what to do next, or produced something."""

    def verdict(self, words: Ids, logprob: float) -> float | None:
        """Return how sure a critic is that an answer is right, by what it wrote last."""

    def judged_bad(self, ids: Ids) -> Ids:
        """Return a critic's words as if it had said bad, whatever it said."""

    def hint(self, words: Ids) -> Ids | None:
        """Return what a reflection says to do otherwise; None if it says nothing."""

    def transcript(self, completion: Ids) -> Ids:
        """Return what another desk goes on from: an answer, or all before the calls that nobody answered.

        Raises:
            CapabilityMissing: if episodes of this kind cannot be handed over.
        """
