"""`adabench bank`: samples of a model, drawn once and kept, which selection rules are run on in milliseconds."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.selection import (
    AsJson,
    Data,
    Device,
    DrawWorkers,
    Dtype,
    Fixed,
    Judge,
    Model,
    NoChat,
    time_of,
    with_sources,
)
from adabench.cli.terminal import talk
from adabench.harness.errors import SelectionError

if TYPE_CHECKING:
    from adabench.workloads.shared.language_model.bank.sample_bank import SampleBank

Place = Annotated[Path, typer.Option("--out", "-o", help="The bank's folder; goes on where it is.")]
Samples = Annotated[int, typer.Option(min=1, help="Samples of each question.")]
Problems = Annotated[int, typer.Option(min=0, help="Questions; 0: all, of generated ones 128.")]
Seed = Annotated[int, typer.Option(min=0, help="Which questions, and which random numbers.")]
Time = Annotated[
    float | None,
    typer.Option(parser=time_of, metavar="TIME", help="Begin nothing further after it: 5m."),
]
Merged = Annotated[
    list[Path] | None, typer.Option("--merge", help="Join this bank, and others, into --out.")
]


def command(
    out: Place,
    model: Model = None,
    data: Data = None,
    judge: Judge = None,
    samples: Samples = 16,
    problems: Problems = 0,
    seed: Seed = 0,
    fixed: Fixed = None,
    device: Device = None,
    dtype: Dtype = None,
    merge: Merged = None,
    time: Time = None,
    workers: DrawWorkers = 0,
    as_json: AsJson = False,
    *,
    no_chat: NoChat = False,
) -> None:
    """Draw samples of a model once; every vote and selection then runs on them in milliseconds."""
    words = with_sources(
        fixed, model=model, data=data, judge=judge, device=device, dtype=dtype,
        chat="off" if no_chat else None,
    )  # fmt: skip
    if merge:
        found = _merged(merge, out, words)
    else:
        found = _drawn(words, out, samples, problems, seed, time, workers)
    rows = found.questions.values()
    least = min((len(row.samples) for row in rows), default=0)
    if as_json:
        line = {"bank": str(out), "digest": found.digest, "questions": len(rows), "samples": least}
        print(json.dumps({**line, "model": found.header.model, "data": found.header.data}))
        return
    print(f"{out}: {len(rows)} questions with {least} samples of {found.header.model}")
    said = {"grader": found.header.grader, "prompt": found.header.prompt}
    more = "".join(f" --set {k}={v}" for k, v in said.items() if v not in ("auto", ""))
    print(
        f"adabench run text/majority text/ttspm --counts --data bank:{out} --model {found.header.model}{more}"
    )


def _drawn(
    words: tuple[str, ...], out: Path, samples: int, problems: int, seed: int,
    time_s: float | None, workers: int,
) -> "SampleBank":  # fmt: skip
    from adabench.harness.contract import registry
    from adabench.harness.plan.grid import read_conditions
    from adabench.workloads.test_time.text.training.bank import draw_bank

    conditions = {**read_conditions(registry.find("text").card, words), "problems": problems}
    return draw_bank(
        out, conditions, samples=samples, seed=seed, time_s=time_s, workers=workers,
        say=lambda there, wanted: talk(f"{there} of {wanted} questions"),
    )  # fmt: skip


def _merged(folders: list[Path], out: Path, words: tuple[str, ...]) -> "SampleBank":
    from adabench.workloads.shared.language_model.bank.sample_bank import merge

    if words or len(folders) < 2:
        raise SelectionError(
            "Banks are joined as they are: --merge A --merge B --out C.",
            "Leave out the other options, and name two banks at least.",
        )
    return merge(folders, out)
