"""The package of a new task: a task that runs, three static settings, a control, an oracle and a method that adapts.

It is found from the folder that it lies in (`plugins.py`), so it runs and passes `adabench check` at once.
"""

from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError, StoreError

TEMPLATE = Path(__file__).with_name("task_template")
WORD = "NAME"
"""Stands for the task's name in the template."""


def write_task(name: str, folder: Path) -> Path:
    """Write the package of a task into a folder that is not there yet; return its `task.py`.

    Raises:
        SelectionError: for a name that is taken, or that no package can have.
        StoreError: if the folder is there, or cannot be written.
    """
    if not name.isidentifier() or not name.islower():
        raise SelectionError(
            f"{name!r} is no name of a task.",
            "Say it in small letters, digits and underscores: adabench new task shop.",
        )
    if name in registry.tasks():
        raise SelectionError(f"There is a task {name} already.", f"adabench show {name}")
    package = folder / f"adabench_{name}"
    try:
        folder.mkdir(parents=True)
        (package / "methods").mkdir(parents=True)
        (package / "__init__.py").touch()
        for template in TEMPLATE.glob("*.txt"):
            text = template.read_text(encoding="utf-8").replace(WORD, name)
            _place(folder, package, template.stem).write_text(text, encoding="utf-8")
    except FileExistsError as there:
        raise StoreError(
            f"{folder} is there already.", "Choose another place: --out FOLDER"
        ) from there
    except OSError as problem:
        raise StoreError(f"{folder} cannot be written: {problem.strerror}.") from problem
    return package / "task.py"


def _place(folder: Path, package: Path, name: str) -> Path:
    """Return where a file of the template goes: `task.py` is the task, any other module a method."""
    if not name.endswith(".py"):
        return folder / name
    return package / name if name == "task.py" else package / "methods" / name
