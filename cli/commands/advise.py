"""`adabench advise`: what test-time compute buys on a model and its questions, in one sentence, a picture and a table."""

import json
import math
import sys
from contextlib import redirect_stdout
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
    Out,
    time_of,
    with_sources,
)
from adabench.cli.terminal import looks

if TYPE_CHECKING:
    from adabench.harness.decision.advice import OptionAdvice
    from adabench.reports.notebook.advise_call import ModelAdvice

TIME_S = 300.0
Time = Annotated[
    float,
    typer.Option(parser=time_of, metavar="TIME", show_default="5m", help="Time that it takes."),
]
Samples = Annotated[int, typer.Option(min=2, max=64, help="Samples of each question.")]
Seed = Annotated[int, typer.Option(min=0, help="Which questions, and which random numbers.")]
Price = Annotated[
    str | None,
    typer.Option(metavar="in=,out=", help="Money for a million tokens read and written."),
]
MaxCost = Annotated[
    float | None,
    typer.Option(min=1.0, help="Advise nothing that takes more times the tokens of greedy."),
]
Deadline = Annotated[
    float | None,
    typer.Option(parser=time_of, metavar="TIME", help="Advise nothing slower; times some answers."),
]


def command(
    model: Model = None,
    data: Data = None,
    time: Time = TIME_S,
    judge: Judge = None,
    samples: Samples = 8,
    seed: Seed = 0,
    price: Price = None,
    max_cost: MaxCost = None,
    deadline: Deadline = None,
    workers: DrawWorkers = 0,
    fixed: Fixed = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Out = None,
    as_json: AsJson = False,
    *,
    no_chat: NoChat = False,
) -> None:
    """Say in five minutes what test-time compute buys on your model and your questions."""
    from adabench.reports.notebook.advise_call import advise

    words = with_sources(
        fixed, model=model, data=data, judge=judge, device=device, dtype=dtype,
        chat="off" if no_chat else None,
    )  # fmt: skip
    pairs = (word.partition("=") for word in words)
    given = {name: value for name, _, value in pairs}
    with redirect_stdout(sys.stderr):
        found = advise(
            time=time, set=given, samples=samples, seed=seed, price=price,
            max_cost=math.inf if max_cost is None else max_cost, deadline=deadline,
            workers=workers, out=out,
        )  # fmt: skip
    print(json.dumps(found.to_json()) if as_json else page(found))


def page(found: "ModelAdvice") -> str:
    """Return the sentence, the picture and the table behind it."""
    advice = found.advice
    priced, timed = advice.baseline.price is not None, advice.baseline.slowest_s is not None
    head = f"  {'option':26} {'right':>6} {'gain [95 %]':>22} {'tokens':>8} {'times':>6}"
    rows = [_row(one) for one in (advice.baseline, *advice.options)]
    return "\n".join(
        [
            advice.sentence, "", _picture(found), "",
            head + (f" {'per 1,000':>10}" if priced else "")
            + (f" {'slowest':>9}" if timed else "") + "  word", *rows,
            f"  {'a right one among all':26} {found.ceiling:6.1%}", "", advice.longer,
            *(f"Records: {one.folder}" for one in found.runs),
        ]
    )  # fmt: skip


def _picture(found: "ModelAdvice") -> str:
    """Return the front of the rules; a server shows no work, so there is none to draw over."""
    from adabench.reports.figures.character_plot import fronts

    findings = found.runs[0].findings
    if not any("flops_counted" in row.metrics for row in findings.summary):
        return "No picture: it is drawn over the model's work, and a server does not show that."
    return fronts(findings, looks())


def _row(one: "OptionAdvice") -> str:
    gain = f"{100 * one.gain:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"
    price = "" if one.price is None else f" {one.price:10.3g}"
    slowest = "" if one.slowest_s is None else f" {one.slowest_s:7.2f} s"
    few = f" ({one.questions} questions)"
    return (
        f"  {one.option:26} {one.accuracy:6.1%} {gain:>22} {one.tokens:8.1f} {one.ratio:6.1f}"
        f"{price}{slowest}  {one.word}{few}"
    )
