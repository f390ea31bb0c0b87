"""Everything adabench raises on purpose, and the exit code each becomes.

    AdabenchError(message, hint)      exit
    ├─ SelectionError                  2   unknown task, method, knob or value; bad input file
    ├─ EnvironmentProblem              3   this machine or installation cannot do it
    │  ├─ MissingExtra                 3   an optional dependency is not installed
    │  ├─ DeviceUnavailable            3   no such accelerator here
    │  ├─ MissingAbility               3   a model or server cannot do what a method needs
    │  └─ NoInstrument                 3   nothing here measures that
    ├─ StoreError                      3   a run that cannot be read, written or joined
    └─ MethodContractError             4   a method broke the protocol

A run skips a method with a `MissingAbility` and does the rest; it ends with 3 if nothing is left.
Other codes: 0 success; 1 some configurations failed, or `claims --strict` found a failed claim;
3 also a run that measured nothing; 5 `gate`, or a headline claim under `claims --strict`, is undecided;
130, 143, 129 ended by SIGINT, SIGTERM, SIGHUP (what was recorded stays). Anything that is not
an `AdabenchError` is a bug in adabench and shows a traceback.
"""

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType


class Interruption(BaseException):
    """A signal that ends adabench. No boundary around code that is not ours catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class AdabenchError(Exception):
    """A problem the user can act on: what happened, and what to do about it."""

    exit_code = 1
    ends_run = False
    """Whether all that follows would fail alike: the run ends, and can be resumed."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(hint)  # which a traceback in Python shows below the message


class SelectionError(AdabenchError):
    """A task, method, knob, value or input file that makes no sense."""

    exit_code = 2


class EnvironmentProblem(AdabenchError):
    """This machine or installation cannot do what was asked."""

    exit_code = 3


class MissingExtra(EnvironmentProblem):
    """An optional dependency is not installed."""


class DeviceUnavailable(EnvironmentProblem):
    """The accelerator that was asked for is not here."""


class MissingAbility(EnvironmentProblem):
    """What runs a method, its model or its solver, cannot do what the method needs: it is skipped."""


class NoInstrument(EnvironmentProblem):
    """Nothing on this machine measures what was asked for."""


class StoreError(AdabenchError):
    """A run folder that cannot be read, written or joined."""

    exit_code = 3


class MethodContractError(AdabenchError):
    """A method (or a plug-in task) broke the protocol."""

    exit_code = 4


def require(module: str, *, extra: str) -> ModuleType:
    """Import `module`, or say which extra brings it.

    Raises:
        MissingExtra: if it is not installed.
        EnvironmentProblem: if it is, and what it needs itself is missing or broken here.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.partition(".")[0] != module.partition(".")[0]:
            raise _broken(module, missing) from missing
        raise MissingExtra(
            f"{module} is not installed.", f"pip install 'adabench[{extra}]' brings it."
        ) from missing
    except (
        Exception
    ) as broken:  # what a library raises where a driver or a library of the system is missing
        raise _broken(module, broken) from broken


def _broken(module: str, problem: Exception) -> EnvironmentProblem:
    said = next(iter(str(problem).splitlines()), "")[:200]
    return EnvironmentProblem(
        f"{module} is installed, and its import ends with {type(problem).__name__}: {said}",
        "Take out or repair the package that it names; `pip check` may say more.",
    )


MOST_NAMES = 5
"""That a hint suggests."""
LISTED = 20
"""Of more names than these, five say nothing: a command lists them."""
PART = 3
"""Letters that a part of a name has; fewer stand in too many."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint naming at most five known names, those most like `name`."""
    names = sorted({one for one in known if one})
    near = difflib.get_close_matches(name, names, n=MOST_NAMES, cutoff=0.5)
    near += [
        one
        for one in names
        if len(name) >= PART and name.lower() in one.lower() and one not in near
    ]
    if near:
        return f"Did you mean {' or '.join(near[:MOST_NAMES])}?"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"Known: {', '.join(names[:MOST_NAMES])}{more}." if 0 < len(names) <= LISTED else ""
