"""A file in which another harness logged each sample, as one side of a comparison.

    lm-eval      samples_TASK_TIME.jsonl of `--log_samples` (`lm_eval_log.py`)
    Inspect      LOG.eval (`inspect_log.py`)

A filter of lm-eval, or a scorer of Inspect, takes the place of a method: `gsm8k/strict-match`. A sample is a case,
an epoch a repeat. What was asked, and what is right, is the case's instance, so two files are compared only where
both asked the same. A file says nothing of its machine, so no times are read.
"""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from adabench.harness.analysis.operating_points import IDENTITY
from adabench.harness.compare import inspect_log, lm_eval_log
from adabench.harness.compare.loaded_run import LoadedRun
from adabench.harness.compare.logged_sample import LoggedSample
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Cell, Record
from adabench.harness.errors import SelectionError
from adabench.harness.store import table

COSTS = frozenset({"input_tokens", "output_tokens"})
LOWER = frozenset({
    "perplexity", "ppl", "word_perplexity", "byte_perplexity", "bits_per_byte", "brier_score", "loss",
    "ter", "wer", "cer", "mse", "mae",
})  # fmt: skip
"""Metrics of which less is better, as lm-eval names them; of all others more is."""
ENDING = ".eval"
ID_BITS = 44
"""Of an id that is no number: ten thousand of them meet by chance in three of a million files."""


def load_log(path: Path) -> LoadedRun:
    """Read a log.

    Raises:
        SelectionError: if it is none that is known, is damaged, or holds no number for any sample.
        MissingExtra: if only a package that is not here can read it.
    """
    try:
        whose = inspect_log if path.suffix == ENDING or zipfile.is_zipfile(path) else lm_eval_log
        samples = list(_distinct(whose.samples(path)))
    except OSError as problem:
        raise SelectionError(
            f"{path} cannot be read: {problem.strerror or problem}.", "Correct the path."
        ) from problem
    names = {sample.task: dict[str, None]() for sample in samples}
    for sample in samples:
        names[sample.task].update(dict.fromkeys(sample.values))
    if not any(names.values()):
        raise SelectionError(
            f"{path} holds no sample with a metric that is a number.",
            "Is it the log of a run that has ended? Metrics of whole corpora have no sample's value.",
        )
    return LoadedRun(
        str(path), {"environment": {"written_by": whose.WRITER}},
        table.from_records(_record(sample) for sample in samples), {},
        {task: _card(task, own) for task, own in names.items()},
        {_case(sample.id): str(sample.id) for sample in samples},
    )  # fmt: skip


def _distinct(samples: Iterable[LoggedSample]) -> Iterator[LoggedSample]:
    """Yield samples.

    Raises:
        SelectionError: if two are of one id.
    """
    places: dict[tuple[str, str, int, int], str] = {}
    for sample in samples:
        key = (sample.task, sample.way, _case(sample.id), sample.epoch)
        if key in places:
            raise SelectionError(
                f"{sample.place} has the id {sample.id!r}, as {places[key]} has.",
                "Two runs that were written into one file are two files: take them apart.",
            )
        places[key] = sample.place
        yield sample


def _record(sample: LoggedSample) -> Record:
    cell = Cell(sample.task, sample.way, {}, {}, "embedded", 0)
    values = {**sample.values, IDENTITY: float(_digest(sample.content, 48))}
    return Record(cell, "solve", _case(sample.id), sample.epoch - 1, "ok", values)


def _card(task: str, names: Iterable[str]) -> Card:
    """Return what is known of the metrics of a task of somebody else."""
    metrics = [
        Metric(name, "tokens", "lower", "cost") if name in COSTS
        else Metric(name, "", "lower" if name in LOWER else "higher", "quality")
        for name in names
    ]  # fmt: skip
    return Card(task, metrics=(*metrics, Metric(IDENTITY, "hash", "higher", "info")))


def _case(name: int | str) -> int:
    return name if isinstance(name, int) and name >= 0 else _digest(str(name), ID_BITS)


def _digest(text: str, bits: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") >> (256 - bits)
