"""The models of a bank: what they wrote and scored is replayed, and none of them is opened.

A bank is a folder that `adabench bank` drew, or one that is shipped, by its name (`bank:smollm2`). The rule that
judges by likelihood reads log-probabilities, so it judges in every bank that has them, whoever else scored it.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import cast

from adabench.harness.errors import SelectionError, nearest
from adabench.harness.store import checkpoint_folders
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces, piece_id
from adabench.workloads.shared.language_model.bank.bank_engine import BankEngine, BankJudge
from adabench.workloads.shared.language_model.bank.packed_bank import SAMPLES, open_bank
from adabench.workloads.shared.language_model.bank.sample_bank import BankHeader, SampleBank
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Domain
from adabench.workloads.shared.language_model.reward_model import Scorer
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.text.abilities import is_judged
from adabench.workloads.test_time.text.recipes import BANK_PREFIX, FOLDER
from adabench.workloads.test_time.text.substrate.answer_form import answer_form
from adabench.workloads.test_time.text.substrate.likelihood import LikelihoodJudge
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix
from adabench.workloads.test_time.text.substrate.stated_answers import Rule
from adabench.workloads.test_time.text.substrate.text_domain import STEP_MARK, Sizes, text_domain
from adabench.workloads.test_time.text.substrate.vote_plan import vote_plan


@dataclass(frozen=True)
class BankedModels:
    """What opens the models of a bank."""

    folder: Path
    sees_flops: bool
    judge: str
    seed: int
    count: int
    """Questions of the seed: what else is opened is a context of a method's own."""

    def __call__(self) -> Models:
        """Read the bank, and stand for its models.

        Raises:
            SelectionError: if there is no bank.
            StoreError: if it is damaged.
        """
        bank = _bank(self.folder)
        own = frozenset(mix(self.seed, index) for index in range(self.count))
        policy = SharedPrefix(BankEngine(bank, own), ())
        judge: Scorer | None = BankJudge(bank) if is_judged(bank.header) else None
        if judge is not None and self.judge != bank.header.judge:
            judge = LikelihoodJudge(policy, step_ends(bank))
        header = bank.header
        plans = {"votes": partial(vote_plan, model_spec(header.model), header.weights)}
        return Models(policy, judge, plans=plans if header.weights else {})


def bank_place(name: str) -> Path:
    """Return where a bank lies: a folder, or one that is shipped and has this name.

    Raises:
        SelectionError: if there is neither.
    """
    place = Path(name).expanduser()
    if place.is_dir() or len(place.parts) > 1:
        return place
    recipe = f"{BANK_PREFIX}{name}"
    home = checkpoint_folders.home(f"{recipe}{SAMPLES}", FOLDER)
    if not (home / f"{recipe}{SAMPLES}").is_file():
        raise SelectionError(
            f"bank:{name} is no bank of samples: there is no such folder, and none of that name is shipped.",
            f"{nearest(name, shipped_banks())} Or draw one: adabench bank --out FOLDER.",
        )
    return home / recipe


def shipped_banks() -> list[str]:
    """Return the names of the banks that are shipped."""
    files = sorted(FOLDER.glob(f"{BANK_PREFIX}*{SAMPLES}"))
    return [file.name.removeprefix(BANK_PREFIX).removesuffix(SAMPLES) for file in files]


def step_ends(bank: SampleBank) -> frozenset[int]:
    """Return the words of a bank that close a step."""
    rows = (
        row for question in bank.questions.values() for row in (*question.samples, question.greedy)
    )
    words = {word for row in rows for word in row.words}
    return frozenset(piece_id(word.encode()) for word in words if STEP_MARK in word)


def banked_domain(header: BankHeader) -> Domain:
    """Return how completions of a bank are read: as they were when they were drawn."""
    sizes = Sizes(header.room, header.step_room, header.deepest)
    rules = cast(tuple[Rule, ...], header.rules)
    form = answer_form(header.grader)
    return text_domain(TextPieces(), rules, sizes, header.ends, header.temperature, form)


@lru_cache(maxsize=2)
def _bank(folder: Path) -> SampleBank:
    return open_bank(folder)
