"""A bank that ships: questions that runs ask, answered some dozens of times each by a model, scored by its judge.

It is drawn into the user's cache, a batch at a time, and goes on there after an interruption; then it is packed.
The card's figures are counted in the packed files, level by level and over all.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adabench.harness.contract.card import Scalar
from adabench.harness.store.prepared_states import cached_checkpoints
from adabench.workloads.shared.language_model.backends.text_pieces import END, piece_id
from adabench.workloads.shared.language_model.bank.packed_bank import (
    CARD,
    bank_lines,
    open_bank,
    pack,
)
from adabench.workloads.shared.language_model.bank.sample_bank import BankedSample
from adabench.workloads.shared.training.checkpoints import Progress, code_digest
from adabench.workloads.test_time.text.recipes import FOLDER, BankRecipe
from adabench.workloads.test_time.text.substrate.banked_models import banked_domain
from adabench.workloads.test_time.text.substrate.completions import CompletionReader
from adabench.workloads.test_time.text.training import bank
from adabench.workloads.test_time.text.truth.grading import Answers, gold

VOTERS = (8, 16, 32)


def train(plan: BankRecipe, folder: Path, progress: Progress) -> dict[str, Any]:
    """Draw what is missing of a bank, and write it and its card into a folder; return the card.

    Raises:
        EnvironmentProblem: if the model or its judge is missing.
    """
    conditions: dict[str, Scalar] = {
        "model": plan.model, "judge": "trained", "level": plan.level, "problems": plan.steps,
    }  # fmt: skip
    drawn = cached_checkpoints(FOLDER.parent) / f"{plan.name}.drawn"
    bank.draw_bank(drawn, conditions, samples=plan.samples, seed=plan.seed, workers=1, say=progress)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / plan.name
    card = {**asdict(plan), "source": code_digest(bank), "bank": pack(drawn, place)}
    path = folder / f"{plan.name}{CARD}"
    path.write_text(json.dumps(card) + "\n", encoding="utf-8")
    card["dev"] = figures(place)
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


def figures(place: Path) -> dict[str, dict[str, int]]:
    """Return how many questions of each level are right by which rule, and over all of them."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for level, right in right_answers(place):
        found[level].update(right)
        found["all"].update(right)
    return {level: dict(counts) for level, counts in found.items()}


def right_answers(place: Path) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the level of each question, and by which rules it is answered right, one or none each."""
    found = open_bank(place)
    reader = banked_domain(found.header).answer
    assert isinstance(reader, CompletionReader)
    for line in bank_lines(place):
        question = found.questions[line["seed"], line["index"]]
        answers = Answers(reader, (gold(line["answer"], reader.form),))
        own = [_ids(sample) for sample in (*question.samples, question.greedy)]
        stated = [reader.stated(ids) for ids in own]
        right = [answers.is_right(0, ids) for ids in own]
        counts = {"questions": 1, "greedy": int(right[-1]), "samples": sum(right[:-1])}
        for n in (n for n in VOTERS if n <= len(question.samples)):
            votes = Counter(one for one in stated[:n] if one is not None)
            elected = stated.index(votes.most_common(1)[0][0]) if votes else 0
            counts |= {f"majority@{n}": int(right[elected]), f"pass@{n}": int(any(right[:n]))}
        yield line["level"], counts


def _ids(sample: BankedSample) -> tuple[int, ...]:
    return tuple(piece_id(word.encode()) if word else END for word in sample.words)
