"""Samples that lm-eval logged: a line each, with the filter that read the answer and the metrics by name.

    {"doc_id": 0, "doc": {...}, "target": "18", "filter": "strict-match", "metrics": ["exact_match"],
     "exact_match": 1.0, "doc_hash": "...", "target_hash": "..."}

The task stands in the file's name, `samples_TASK_2026-01-31T12-00-00.123456.jsonl`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adabench.harness.compare.logged_sample import LoggedSample, numbers
from adabench.harness.errors import SelectionError

WRITER = "lm-eval"
NAME = re.compile(r"samples_(?P<task>.+?)(?:_\d{4}-\d\d-\d\dT[\d.:-]+)?\.jsonl")
HINT = (
    "A side is a run folder, a samples_*.jsonl of lm-eval (--log_samples), or a .eval of Inspect."
)


def samples(path: Path) -> Iterator[LoggedSample]:
    """Yield the samples of a file.

    Raises:
        SelectionError: for a line that is no sample.
        OSError: if it cannot be read.
    """
    named = NAME.fullmatch(path.name)
    task = named["task"] if named else "lm-eval"
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.isspace():
                yield _sample(f"{path}, line {number}", task, line)


def _sample(place: str, task: str, line: bytes) -> LoggedSample:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise SelectionError(f"{place}: this is not valid JSON ({problem}).", HINT) from problem
    if not isinstance(row, dict) or not isinstance(row.get("doc_id"), int):
        raise SelectionError(f"{place} is no sample of lm-eval: it has no `doc_id`.", HINT)
    names = row.get("metrics")
    if not isinstance(names, list):
        raise SelectionError(
            f"{place} does not say its `metrics`.", "Log it anew with lm-eval 0.4.5 or newer."
        )
    values = numbers((name, row.get(name)) for name in map(str, names))
    way = str(row.get("filter") or "none")
    return LoggedSample(place, task, way, row["doc_id"], 1, _content(row), values)


def _content(row: Mapping[str, Any]) -> str:
    if "doc_hash" in row:
        return f"{row['doc_hash']} {row.get('target_hash', '')}"
    return json.dumps([row.get("doc"), row.get("target")], sort_keys=True)
