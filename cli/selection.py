"""The options that several verbs share."""

import math
from pathlib import Path
from typing import Annotated

import typer

from adabench.harness.errors import SelectionError
from adabench.harness.plan import quantities

Select = Annotated[
    list[str] | None, typer.Argument(help="Methods: paging, paging/lru, 'paging/mark*', '*/lru'.")
]
Folder = Annotated[Path, typer.Argument(help="A run folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write.")]
Seeds = Annotated[str, typer.Option(help="0..4, or 7, or 0,3,10..12.")]
TASKS_OWN = "the task's own; 0..2 for most"
OwnSeeds = Annotated[
    str, typer.Option("--seeds", help="0..4, or 7, or 0,3,10..12.", show_default=TASKS_OWN)
]  # fmt: skip
Scale = Annotated[str, typer.Option(help="Or real, gpu, paper.")]
Fixed = Annotated[
    list[str] | None, typer.Option("--set", help="Pin a knob or condition: k=v.")
]  # fmt: skip
Swept = Annotated[
    list[str] | None, typer.Option("--sweep", help="Sweep exactly these values: k=a,b,c.")
]  # fmt: skip
Model = Annotated[
    str | None,
    typer.Option(
        metavar="SPEC",
        help="smollm2, hf:NAME or openai:URL#NAME.",
    ),
]
Judge = Annotated[
    str | None,
    typer.Option(metavar="SPEC", help="likelihood, trained, hf:NAME or none."),
]
Draft = Annotated[str | None, typer.Option(metavar="SPEC", help="A small model that helps.")]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="SPEC",
        help="arithmetic, gsm8k, gsm_symbolic, FILE.",
    ),
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or cuda:0.")]
DrawWorkers = Annotated[
    int,
    typer.Option("--workers", min=0, help="Processes that draw at once; 0: what fits here."),
]
Dtype = Annotated[str | None, typer.Option(help="float32, bfloat16 or float16.")]
Price = Annotated[
    str, typer.Option(metavar="in=,out=", show_default=False, help="Money for a million tokens.")
]
NoChat = Annotated[bool, typer.Option("--no-chat", help="Use no chat template.")]


def with_sources(fixed: list[str] | None, **sources: str | float | None) -> tuple[str, ...]:
    """Return pinned conditions, with those that have an option of their own; None is not said.

    Raises:
        SelectionError: if one is said twice.
    """
    pinned = tuple(fixed or ())
    said = {name: value for name, value in sources.items() if value is not None}
    for name in said:
        if any(text.partition("=")[0].strip() == name for text in pinned):
            raise SelectionError(
                f"The condition {name} is given twice.", f"Say --{name} or --set {name}=, not both."
            )
    return (*pinned, *(f"{name}={value}" for name, value in said.items()))


def finite(value: float | None) -> float | None:
    """Refuse an option's number that is none; the callback of options in seconds and shares.

    Raises:
        SelectionError: for infinity and what is no number.
    """
    if value is not None and not math.isfinite(value):
        raise SelectionError(f"{value} is not a number that an option can have.")
    return value


def time_of(text: str | float) -> float:
    """Read an option that is a time: 90s, 5m, or a default in seconds."""
    return quantities.seconds(str(text))


def time_or_zero(text: str | float) -> float:
    """Read an option that is a time, or none at all."""
    return quantities.seconds_or_zero(str(text))


def share_of(text: str) -> float:
    """Read an option that is a share: 1%."""
    return quantities.share(text)


def memory_of(text: str) -> int:
    """Read an option that is an amount of memory: 4GiB."""
    return quantities.size_bytes(text)
