"""A bank of samples of this task's models: drawn here once, and asked by `--data bank:FOLDER`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adabench.harness.contract.card import Scalar
from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.bank.sample_bank import SampleBank
from adabench.workloads.shared.sources.data_spec import data_spec
from adabench.workloads.test_time.text.substrate.answer_form import answer_form
from adabench.workloads.test_time.text.task import CARD, check_conditions, load
from adabench.workloads.test_time.text.truth.bank_draws import BankRequest, Say, fill_bank
from adabench.workloads.test_time.text.truth.question_rows import row_count
from adabench.workloads.test_time.text.truth.question_sets import question_set

GENERATED = 128
"""Questions of data that are generated, where nobody says how many."""
MOST_PER_S = 20.0
"""Questions for each second of a limited time, where nobody says how many: more than are drawn in it."""


def draw_bank(
    folder: Path,
    conditions: Mapping[str, Scalar],
    *,
    samples: int,
    seed: int = 0,
    time_s: float | None = None,
    say: Say = lambda there, wanted: None,
) -> SampleBank:
    """Draw a greedy completion and samples to the questions of a seed; what is there is not drawn again.

    `problems` 0, or none, are all that there are, of generated ones 128. After `time_s` no batch is begun;
    `say` is told how many questions are there, of how many.

    Raises:
        SelectionError: for conditions that make no sense, or a folder with another bank.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    given: dict[str, Any] = {**CARD.defaults, "problems": 0, **conditions}
    data, level = data_spec(str(given["data"])), str(given["level"])
    if data.kind == "bank" or given["budget"]:
        raise SelectionError(
            "A bank holds whole completions to questions.", "Name questions; leave out budget."
        )
    count = int(given["problems"]) or row_count(data, level) or GENERATED
    if time_s is not None and not given["problems"]:
        count = min(count, max(1, round(MOST_PER_S * time_s)))
    given["problems"] = count
    check_conditions(given)
    task = load(CARD.scales[0], seed, **given)
    request = BankRequest(folder, samples, given, time_s, say)
    form = answer_form(str(given["grader"]))
    return fill_bank(request, task, question_set(data, seed, count, level, form).rows)
