"""Keeps a task's ledger: what it counted of each case, and whether an answer is the one that it counted.

    run      before = ledger.open(instance); count; ledger.enter(instance, before, answer, ...)
    judge    counted = ledger.confirm(instance, answer)

It lives in closures, out of a method's reach. Runs of a case that come out alike are laps; runs in two ways are refused.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError

Answer = TypeVar("Answer")
Counted = TypeVar("Counted")
Known = TypeVar("Known")


@dataclass(frozen=True)
class Wording:
    """How a task names what it does, in its refusals."""

    call: str
    """The method of the task that counts."""
    foreign: str
    """Said of an answer that is not the ledger's own."""
    twice: str
    """Said of a method that ran a case in two ways."""


@dataclass(frozen=True)
class Account(Generic[Answer, Counted]):
    """What the ledger holds of a case: the last answer, and what was counted for it."""

    answer: Answer
    counted: Counted
    alike: bool
    """Whether all runs since the meter was cleared came out like this one."""


@dataclass
class AnswerLedger(Generic[Answer, Counted]):
    """The accounts of one task, by instance."""

    meter: Meter
    wording: Wording
    says: Callable[[Answer, Counted], bool]
    """Whether an answer still says what it said when it was given out."""
    same: Callable[[Counted, Counted], bool]
    """Whether two runs of a case came out alike."""
    accounts: dict[float, Account[Answer, Counted]] = field(default_factory=dict)
    metered: dict[str, float] = field(default_factory=dict)
    """What the meter must say."""
    clears: int = 0
    """How often the meter had been cleared when these counts began."""

    def open(self, instance: float) -> Account[Answer, Counted] | None:
        """Return what a case came to since the meter was cleared, before it is run again.

        Raises:
            MethodContractError: if the meter was tampered with.
        """
        before = self.accounts.get(instance) if self.meter.clears == self.clears else None
        if self.meter.clears != self.clears:  # one that was emptied otherwise was tampered with
            self.clears = self.meter.clears
            self.metered.clear()
        self._refuse_other()
        return before

    def enter(
        self,
        instance: float,
        before: Account[Answer, Counted] | None,
        answer: Answer,
        counted: Counted,
        added: Mapping[str, float],
    ) -> Answer:
        """Add to the meter what a run came to, and keep its answer, which is returned."""
        for counts in (cast(dict[str, float], self.meter), self.metered):
            for name, value in added.items():
                counts[name] = counts.get(name, 0) + value
        alike = before is None or (before.alike and self.same(before.counted, counted))
        self.accounts[instance] = Account(answer, counted, alike)
        return answer

    def confirm(self, instance: float, answer: Answer) -> Counted:
        """Return what was counted for an answer.

        Raises:
            MethodContractError: if it is not the last answer given out for this case, or says
                something else by now; if the case was also run in another way; if the meter
                was tampered with.
        """
        account = self.accounts.get(instance)
        own = account is not None and account.answer is answer
        if account is None or not own or not self.says(answer, account.counted):
            raise MethodContractError(
                self.wording.foreign,
                f"`solve` must return what `task.{self.wording.call}(case, ...)` returned last.",
            )
        if not account.alike:
            raise MethodContractError(
                self.wording.twice, f"`solve` calls `task.{self.wording.call}` once."
            )
        self._refuse_other()
        return account.counted

    def _refuse_other(self) -> None:
        if dict(self.meter) != self.metered:
            raise MethodContractError(
                "Something other than the task wrote into the meter.",
                f"Only `{self.wording.call}` counts; a method leaves `task.meter` alone.",
            )


def known_case(
    known: Iterable[Known], case: object, case_of: Callable[[Known], Any], what: str
) -> Known:
    """Return what a task knows about a case of its own.

    Raises:
        MethodContractError: if it is not a case of this task.
    """
    for one in known:
        if case_of(one) is case:
            return one
    raise MethodContractError(f"That {what} is not a case of this task.", "Pass `case` on as is.")
