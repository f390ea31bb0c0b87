"""`adabench new`: the file of a new method, or the package of a new task, ready to run."""

from pathlib import Path
from typing import Annotated

import typer

from adabench.cli.terminal import talk
from adabench.cli.verb_command import PLAIN
from adabench.harness.errors import StoreError

app = typer.Typer(
    help="Write a new method or a new task, which can be run at once and says what to fill in.",
    no_args_is_help=True,
    add_completion=False,
    **PLAIN,
)


@app.callback()
def group() -> None:
    """Write a new method or a new task, which can be run at once and says what to fill in."""


@app.command()
def task(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called: shop.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Its folder; NAME in this folder if left out."),
    ] = None,
) -> None:
    """Write a task's package: a task, static methods, a control, an oracle and a method that adapts."""
    from adabench.harness.contract.scaffold.task_scaffold import write_task

    folder = out or Path(name)
    print(write_task(name, folder))
    talk(
        f"It runs already from {folder.absolute().parent}; what is to be filled in is marked FILL IN.\n"
        f"  adabench check '{name}/*'\n  adabench run '{name}/*'\n  adabench new method {name}/mine"
    )


@app.command()
def method(
    address: Annotated[
        str, typer.Argument(metavar="TASK/NAME", help="What it is called: paging/mine.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="The file; NAME.py here, or beside a task that lies here."
        ),
    ] = None,
    like: Annotated[
        str,
        typer.Option(
            metavar="METHOD", help="A method of the task to begin as: the shortest static one."
        ),
    ] = "",
) -> None:
    """Write a method's file: code that runs, and a card that says what to fill in."""
    from adabench.harness.contract.scaffold.method_scaffold import method_place, method_text

    text = method_text(address, like)
    path = out or method_place(address)
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
    selected = address if path.parent.name == "methods" else f"{address}={path}"
    talk(
        "It runs already; what is to be filled in is marked FILL IN.\n"
        f"  adabench check {selected}\n  adabench run {selected}"
    )
