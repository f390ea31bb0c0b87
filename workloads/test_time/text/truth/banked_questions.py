"""The task over a bank: its questions with their answers, and models that replay what was drawn."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from adabench.harness.contract.card import Scalar
from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.bank.packed_bank import bank_header, bank_lines
from adabench.workloads.shared.language_model.bank.sample_bank import BankHeader
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.text.abilities import LIKELIHOOD, shows_likelihood
from adabench.workloads.test_time.text.substrate.banked_models import BankedModels, banked_domain
from adabench.workloads.test_time.text.substrate.completions import CompletionReader
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.truth.grading import Answers, gold
from adabench.workloads.test_time.text.truth.question_rows import window


def banked_task(folder: Path, seed: int, count: int, given: Mapping[str, Scalar]) -> GradedText:
    """Return the task over the next `count` questions of a bank.

    Raises:
        SelectionError: if there is no bank, it has fewer questions, or is of other conditions.
        StoreError: if it is damaged.
    """
    header = bank_header(folder)
    check_bank(header, folder, given)
    lines = bank_lines(folder)
    rows = window(f"bank:{folder}", lambda start: islice(lines, start, None), seed * count, count)
    domain = banked_domain(header)
    questions = tuple(
        Question(index, domain.codec.encode(row["prompt"]), row["level"])
        for index, row in enumerate(rows)
    )
    reader = domain.answer
    assert isinstance(reader, CompletionReader)
    golds = tuple(gold(row["answer"], reader.form) for row in rows)
    models = BankedModels(folder, header.sees_flops, str(given["judge"]), seed, count)
    return GradedText(seed, domain, models, questions=questions, grader=Answers(reader, golds))


def check_bank(header: BankHeader, folder: Path, given: Mapping[str, Scalar]) -> None:
    """Refuse conditions other than those under which a bank was drawn.

    Raises:
        SelectionError: naming the first of them.
    """
    likely = given.get("judge") == LIKELIHOOD and shows_likelihood(header)
    said = {
        "model": header.model,
        "judge": LIKELIHOOD if likely else header.judge,
        "chat": header.chat,
        "grader": header.grader,
        "prompt": header.prompt,
        "sampling_temperature": header.temperature,
        "level": "",
        "room": 0,
        "budget": 0,
    }
    for name, value in said.items():
        if name in given and given[name] != value:
            raise SelectionError(
                f"{name}={given[name]} does not go with bank:{folder}: it was drawn with "
                f"{name}={value or 'what its data say'}.",
                f"Say --set {name}={value}, or draw a bank with {name}={given[name]}."
                if value
                else f"Leave out {name}.",
            )
