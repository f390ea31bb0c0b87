"""Models whose readers read on one account: what the tasks of the family hand to methods."""

from dataclasses import dataclass, field
from typing import Any

from adabench.harness.contract.protocols import Meter
from adabench.workloads.depth_width.substrate.answers.answer_account import (
    AnswerAccount,
    Text,
    open_account,
    text_of,
)


@dataclass(frozen=True)
class ReadModels:
    """A meter, and the account of what was read since it was cleared."""

    meter: Meter = field(default_factory=Meter, kw_only=True)
    _answers: AnswerAccount = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Open the account of answers."""
        object.__setattr__(self, "_answers", open_account(self.meter))

    def _confirmed(self, case: Any, answer: Any) -> Any:
        """Return an answer to a case as the engine made it.

        Raises:
            MethodContractError: if no engine made it for this case, or it was changed.
        """
        return self._answers.confirm(self._texts(case), answer)

    def _texts(self, case: Any) -> list[Text]:
        """Return the texts that an answer to a case may have read."""
        return [text_of(case)]
