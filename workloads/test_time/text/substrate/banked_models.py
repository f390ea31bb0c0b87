"""The models of a bank: what they wrote and scored is replayed, and none of them is opened."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.bank.bank_engine import BankEngine, BankJudge
from adabench.workloads.shared.language_model.bank.sample_bank import (
    BankHeader,
    SampleBank,
    read_bank,
)
from adabench.workloads.shared.language_model.domain import Domain
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.text.abilities import is_judged
from adabench.workloads.test_time.text.substrate.answer_form import answer_form
from adabench.workloads.test_time.text.substrate.stated_answers import Rule
from adabench.workloads.test_time.text.substrate.text_domain import Sizes, text_domain


@dataclass(frozen=True)
class BankedModels:
    """What opens the models of a bank."""

    folder: Path
    sees_flops: bool

    def __call__(self) -> Models:
        """Read the bank, and stand for its models.

        Raises:
            SelectionError: if there is no bank.
            StoreError: if it is damaged.
        """
        bank = _bank(self.folder)
        judge = BankJudge(bank) if is_judged(bank.header) else None
        return Models(BankEngine(bank), judge)


def banked_domain(header: BankHeader) -> Domain:
    """Return how completions of a bank are read: as they were when they were drawn."""
    sizes = Sizes(header.room, header.step_room, header.deepest)
    rules = cast(tuple[Rule, ...], header.rules)
    form = answer_form(header.grader)
    return text_domain(TextPieces(), rules, sizes, header.ends, header.temperature, form)


@lru_cache(maxsize=2)
def _bank(folder: Path) -> SampleBank:
    return read_bank(folder)
