"""A bank of samples of this task's models: drawn here once, and asked by `--data bank:FOLDER`."""

import resource
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import torch

from adabench.harness.contract.card import Scalar
from adabench.harness.errors import SelectionError
from adabench.profilers.hardware.host import usable_cores
from adabench.workloads.shared.language_model.backends.model_memory import free_bytes
from adabench.workloads.shared.language_model.bank.sample_bank import SampleBank
from adabench.workloads.shared.sources.data_spec import data_spec
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.test_time.text.substrate.answer_form import answer_form
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.task import CARD, check_conditions, load
from adabench.workloads.test_time.text.training.draw_process import DrawProcess
from adabench.workloads.test_time.text.truth.bank_draws import (
    ROWS,
    BankRequest,
    Say,
    fill_bank,
    together,
)
from adabench.workloads.test_time.text.truth.question_rows import row_count
from adabench.workloads.test_time.text.truth.question_sets import question_set

GENERATED = 128
"""Questions of data that are generated, where nobody says how many."""
SPARED = 0.7
"""Of the free memory, what further models may take."""
MOST_PER_S = 20.0
"""Questions for each second of a limited time, where nobody says how many: more than are drawn in it."""


def draw_bank(
    folder: Path,
    conditions: Mapping[str, Scalar],
    *,
    samples: int,
    seed: int = 0,
    time_s: float | None = None,
    workers: int = 0,
    say: Say = lambda there, wanted: None,
) -> SampleBank:
    """Draw a greedy completion and samples to the questions of a seed; what is there is not drawn again.

    `problems` 0, or none, are all that there are, of generated ones 128. After `time_s` no batch is begun;
    `say` is told how many questions are there, of how many. `workers` processes draw at once; 0 are, for a
    model on this machine's processor, as many as it has cores and memory for, and else one.

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
    task = together(load(CARD.scales[0], seed, **given))
    request = BankRequest(folder, samples, given, time_s, say)
    form = answer_form(str(given["grader"]))
    rows = question_set(data, seed, count, level, form).rows
    count = workers or _workers(task, str(given["model"]), len(rows) * (samples + 1))
    threads = max(1, usable_cores() // count)
    with _threads(threads), ExitStack() as opened:
        others = [
            opened.enter_context(closing(DrawProcess(given, seed, threads)))
            for _ in range(count - 1)
        ]
        return fill_bank(request, task, rows, others)


def _workers(task: GradedText, model: str, sequences: int) -> int:
    """Return how many processes draw: each has a model of its own, and two batches at least."""
    if task.on_device or model_spec(model).kind != "hf":
        return 1
    assert task.models is not None  # it is loaded: what this process takes, the others will
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    free = free_bytes(torch.device("cpu"))
    fitting = usable_cores() if free is None else 1 + int(SPARED * free / own)
    return max(1, min(usable_cores(), fitting, sequences // (2 * ROWS)))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
