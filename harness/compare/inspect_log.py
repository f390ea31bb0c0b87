"""Samples of a log of Inspect: a zip of JSON documents, `header.json` and `samples/ID_epoch_N.json`.

Marks C, P and I (and N, no answer) are 1, 0.5 and 0, as Inspect itself counts them. Newer versions compress by
zstandard, which Python 3.13 and older cannot read: then Inspect's own reader is asked, where it is installed.
"""

import importlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from adabench.harness.compare.logged_sample import LoggedSample, numbers
from adabench.harness.errors import MissingExtra, SelectionError

WRITER = "Inspect"
VERSION = 2
MARKS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
HEADER, SAMPLES = "header.json", "samples/"
BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError, AttributeError,
)  # fmt: skip
USAGE = ("input_tokens", "output_tokens")


def samples(path: Path) -> Iterator[LoggedSample]:
    """Yield the samples of a log, once for each scorer.

    Raises:
        SelectionError: if it is none, has another version, or is of a run that has not ended.
        MissingExtra: if only Inspect can read how it is compressed.
    """
    try:
        with zipfile.ZipFile(path) as log:
            names = log.namelist()
            if HEADER not in names:
                raise SelectionError(
                    f"{path} is no log of Inspect that has ended: it has no {HEADER}.",
                    "Wait for the end of its run, or name another file.",
                )
            header = _checked(path, json.loads(log.read(HEADER)))
            for name in names:
                if name.startswith(SAMPLES):
                    yield from _scored(f"{path}, {name}", header, json.loads(log.read(name)))
    except NotImplementedError:
        yield from _by_inspect(path)
    except BROKEN as problem:
        raise SelectionError(
            f"{path} is damaged, or no log of Inspect ({type(problem).__name__}: {problem}).",
            "Copy it again; `inspect log dump FILE` says whether Inspect can read it.",
        ) from problem


def _by_inspect(path: Path) -> Iterator[LoggedSample]:
    try:
        reader = importlib.import_module("inspect_ai.log")
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"{path} is compressed by a method that this Python cannot read (zstandard).",
            "pip install inspect-ai brings a reader; or `inspect log convert --to json` and an older Inspect.",
        ) from missing
    log = reader.read_eval_log(str(path))
    header = _checked(path, {"version": log.version, "eval": {"task": log.eval.task}})
    for number, sample in enumerate(log.samples or (), 1):
        found = sample.model_dump(
            include={"id", "epoch", "input", "target", "scores", "model_usage"}
        )
        yield from _scored(f"{path}, sample {number}", header, found)


def _checked(path: Path, header: Any) -> Mapping[str, Any]:
    if header["version"] != VERSION:
        raise SelectionError(
            f"{path} is a log of version {header['version']}, and this adabench reads {VERSION}.",
            "Write it anew with Inspect: inspect log convert.",
        )
    found: Mapping[str, Any] = header
    return found


def _scored(
    place: str, header: Mapping[str, Any], sample: Mapping[str, Any]
) -> Iterator[LoggedSample]:
    """Yield a sample for each of its scorers; one that failed has none."""
    content = json.dumps([sample["input"], sample.get("target")], sort_keys=True, default=str)
    tokens = {name: 0.0 for name in USAGE if sample.get("model_usage")}
    for usage in (sample.get("model_usage") or {}).values():
        for name in tokens:
            tokens[name] += usage.get(name) or 0
    for scorer, score in (sample.get("scores") or {}).items():
        values = numbers(_values(score["value"]))
        yield LoggedSample(
            place, str(header["eval"]["task"]).rpartition("/")[2], scorer, sample["id"],
            int(sample.get("epoch", 1)), content, {**values, **tokens},
        )  # fmt: skip


def _values(value: Any) -> Iterable[tuple[str, Any]]:
    """Return what a score holds, by metric."""
    if isinstance(value, Mapping):
        return ((str(name), MARKS.get(str(one), one)) for name, one in value.items())
    return [("accuracy", MARKS.get(value, value) if isinstance(value, str) else value)]
