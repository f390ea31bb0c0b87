"""The options that several verbs share."""

import math
from pathlib import Path
from typing import Annotated

import typer

from adabench.harness.errors import SelectionError

Select = Annotated[
    list[str] | None, typer.Argument(help="Methods: paging, paging/lru, 'paging/mark*', '*/lru'.")
]
Folder = Annotated[Path, typer.Argument(help="A run folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write.")]
Seeds = Annotated[str, typer.Option(help="0..4, or 7, or 0,3,10..12.")]
Scale = Annotated[str, typer.Option(help="embedded, real, gpu or paper.")]
Fixed = Annotated[
    list[str] | None, typer.Option("--set", help="Pin a knob or condition: k=v.")
]  # fmt: skip
Swept = Annotated[
    list[str] | None, typer.Option("--sweep", help="Sweep exactly these values: k=a,b,c.")
]  # fmt: skip


def finite(value: float | None) -> float | None:
    """Refuse an option's number that is none; the callback of options in seconds and shares.

    Raises:
        SelectionError: for infinity and what is no number.
    """
    if value is not None and not math.isfinite(value):
        raise SelectionError(f"{value} is not a number that an option can have.")
    return value
