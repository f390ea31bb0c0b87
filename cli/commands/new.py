"""`adabench new`: the file of a new method, ready to run."""

from pathlib import Path
from typing import Annotated

import typer

from adabench.cli.terminal import talk
from adabench.cli.verb_command import PLAIN
from adabench.harness.errors import StoreError

app = typer.Typer(
    help="Write the file of a new method, which can be run at once and says what to fill in.",
    no_args_is_help=True,
    add_completion=False,
    **PLAIN,
)


@app.callback()
def group() -> None:
    """Write the file of a new method, which can be run at once and says what to fill in."""


@app.command()
def method(
    address: Annotated[
        str, typer.Argument(metavar="TASK/NAME", help="What it is called: paging/mine.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The file; NAME.py in this folder if left out."),
    ] = None,
    like: Annotated[
        str,
        typer.Option(
            metavar="METHOD", help="A method of the task to begin as: the shortest static one."
        ),
    ] = "",
) -> None:
    """Write a method's file: code that runs, and a card that says what to fill in."""
    from adabench.harness.contract.method_scaffold import method_text

    text = method_text(address, like)
    path = out or Path(f"{address.partition('/')[2]}.py")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as there:
        raise StoreError(
            f"{path} is there already.", "Choose another place: --out FILE.py"
        ) from there
    except OSError as problem:
        raise StoreError(f"{path} cannot be written: {problem.strerror}.") from problem
    print(path)
    talk(
        "It runs already; what is to be filled in is marked FILL IN.\n"
        f"  adabench check {address}={path}\n  adabench run {address}={path}"
    )
