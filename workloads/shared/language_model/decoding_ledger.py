"""Notes what engines really wrote for a case: a completion is held against it when it is handed in.

A completion belongs to a case if an engine left a sequence with just these words, opened on the case's prompt with its random numbers since
the meter was cleared. What a method cuts, glues or works out by itself is not among them. What is noted comes from the engine's results.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import NoReturn

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.session_account import SessionAccount
from adabench.workloads.shared.language_model.written_sequence import Words

LEVELS = frozenset({"kv_peak", "kv_peak_bytes", "judge_kv_peak", "judge_kv_peak_bytes"})
"""Costs that are the most at once, and no totals."""
RETURN = (
    "`solve` returns `session.best`: a completion that was decoded for this very question, as the "
    "engine left it."
)


class DecodingLedger:
    """The completions of a task's cases, and what the meter must say, since it was cleared."""

    def __init__(self, meter: Meter, unforced: frozenset[int] = frozenset()) -> None:
        self._meter, self._unforced = meter, unforced
        self._clears = meter.clears
        self._metered: dict[str, float] = {}
        self._completions: dict[Hashable, dict[Words, Words]] = {}

    def open(
        self, case: Hashable, prompt: Sequence[int], key: int, bare: Sequence[int] = ()
    ) -> SessionAccount:
        """Return the account of a session on a case, which may be asked in two prompts.

        Raises:
            MethodContractError: if somebody else wrote into the meter.
        """
        self._renew()
        self._refuse_other()
        completions = self._completions.setdefault(case, {})
        return SessionAccount(prompt, key, completions, self._settle, bare, self._unforced)

    def confirm(self, case: Hashable, answer: object) -> Words:
        """Return the completion that an answer is; none at all states nothing and is nobody's.

        Raises:
            MethodContractError: if no engine left such a sequence for this case, words of it
                were forced that have to be drawn, or somebody else wrote into the meter.
        """
        self._renew()
        self._refuse_other()
        completion = _words(answer)
        if not completion:
            return completion
        forced = self._completions.get(case, {}).get(completion)
        if forced is None:
            self._refuse(case, completion)
        if self._unforced & set(forced):
            raise MethodContractError(
                "Words of this completion were forced that the model has to draw itself.",
                "What a model states is its own; force signs and ends, no numbers.",
            )
        return completion

    def _settle(self, counted: Mapping[str, float]) -> None:
        """Add what a session came to to the meter."""
        self._renew()
        meter: dict[str, float] = self._meter  # type: ignore[assignment]
        for counts in (meter, self._metered):
            for name, value in counted.items():
                before = counts.get(name, 0)
                counts[name] = max(before, int(value)) if name in LEVELS else before + value

    def _renew(self) -> None:
        """Begin anew when the meter was cleared."""
        if self._meter.clears != self._clears:
            self._clears = self._meter.clears
            self._metered.clear()
            self._completions.clear()

    def _refuse_other(self) -> None:
        if dict(self._meter) != self._metered:
            raise MethodContractError(
                "Something other than the task wrote into the meter.",
                "Only sessions count; a method leaves `task.meter` alone.",
            )

    def _refuse(self, case: Hashable, completion: Words) -> NoReturn:
        """Say as well as can be said why a completion is not one of the case."""
        others = (found for name, found in self._completions.items() if name != case)
        if any(completion in found for found in others):
            raise MethodContractError("This is a completion of another question.", RETURN)
        for known in self._completions.get(case, {}):
            if known[: len(completion)] == completion:
                raise MethodContractError("This completion was cut out of a longer one.", RETURN)
        raise MethodContractError(
            "No engine decoded this completion: no sequence holds these words.", RETURN
        )


def _words(answer: object) -> Words:
    """Return an answer's words; only exact types do nothing when they are looked at.

    Raises:
        MethodContractError: if it is no tuple or list of word ids.
    """
    words = tuple(answer) if type(answer) in (tuple, list) else None  # type: ignore[arg-type, var-annotated]
    if words is None or any(type(word) is not int for word in words):
        raise MethodContractError(
            f"The answer is no completion: a {type(answer).__name__}, not a tuple of word ids.",
            RETURN,
        )
    return words
