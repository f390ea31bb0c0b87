"""What Python asks of a run, in the words of the command line.

A run from Python is the run of a command: its manifest holds the same request, and the words of a
shell that make it again.
"""

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from adabench.harness.contract.card import Scalar
from adabench.harness.distributed.backends import FanOutOptions
from adabench.harness.errors import SelectionError
from adabench.harness.plan import quantities
from adabench.harness.plan.request import parse_seeds
from adabench.harness.provenance.server_secrets import without_secrets
from adabench.harness.run.run_request import RunRequest
from adabench.harness.run.settings import Limits

Seeds = int | str | Iterable[int]
"""`range(5)`, `[0, 3]`, `7` or `"0..4"`."""
Value = Scalar | Path
Switches = Mapping[str, bool]
OPTIONS = {
    "fixed": "--set", "swept": "--sweep", "seeds": "--seeds", "repeats": "--repeats",
    "scale": "--scale", "precision": "--target-ci", "per_case_s": "--max-time-per-case",
    "steady_s": "--warmup", "race_s": "--race", "epsilon": "--frontier-tolerance", "meters": "--energy-meter",
    "sessions": "--sessions", "price": "--price",
}  # fmt: skip
"""The option of the command line that gives each part of a request."""


def seed_words(seeds: Seeds) -> str:
    """Return seeds as the command line writes them: `range(5)` as `0..4`.

    Raises:
        SelectionError: for what is no seed.
    """
    if isinstance(seeds, str):
        return seeds
    several = [seeds] if isinstance(seeds, int) else list(seeds)
    try:
        several = [operator.index(seed) for seed in several]
    except TypeError as wrong:
        hint = "For example: seeds=range(5), or [0, 3]."
        raise SelectionError(f"{several!r} are no seeds.", hint) from wrong
    words = ",".join(_stretch(*ends) for ends in _stretches(several))
    parse_seeds(words)
    return words


def _stretches(seeds: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and the last of each stretch that counts up by one."""
    found: list[tuple[int, int]] = []
    for seed in seeds:
        if found and found[-1][1] + 1 == seed:
            found[-1] = found[-1][0], seed
        else:
            found.append((seed, seed))
    return found


def _stretch(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}..{last}"


def fixed_words(values: Mapping[str, Value] | None) -> tuple[str, ...]:
    """Return pinned knobs as the command line writes them: `noise=0.1`.

    Raises:
        SelectionError: for a value that is no number, text or switch.
    """
    return tuple(f"{name}={_word(name, value)}" for name, value in (values or {}).items())


def sources(values: Mapping[str, Value] | None, **named: Value | None) -> dict[str, Value]:
    """Return conditions with those that have a keyword of their own; None is not said.

    Raises:
        SelectionError: if one is said twice.
    """
    said = {name: value for name, value in named.items() if value is not None}
    twice = said.keys() & (values or {}).keys()
    if twice:
        name = min(twice)
        raise SelectionError(
            f"The condition {name} is given twice.",
            f"Say {name}= or set={{{name!r}: ...}}, not both.",
        )
    return {**(values or {}), **said}


def swept_words(values: Mapping[str, Iterable[Value]] | None) -> tuple[str, ...]:
    """Return swept knobs as the command line writes them: `noise=0,0.1`.

    Raises:
        SelectionError: for a single value, or one that the command line could not take.
    """
    found = []
    for name, several in (values or {}).items():
        if isinstance(several, str | Path | int | float):
            raise SelectionError(
                f"sweep={{{name!r}: {several!r}}} is one value.",
                f"Give a list of them, or pin it: set={{{name!r}: {several!r}}}.",
            )
        words = [_word(name, value) for value in several]
        if not words or any("," in word for word in words):
            raise SelectionError(
                f"{name} cannot be swept over {words}.",
                "Give at least one value, and none with a comma in it.",
            )
        found.append(f"{name}={','.join(words)}")
    return tuple(found)


def _word(name: str, value: Value) -> str:
    value = value.item() if hasattr(value, "item") else value  # a number of numpy's
    if not isinstance(value, str | int | float | bool | Path):
        raise SelectionError(
            f"{name} cannot be {value!r}.", "Knobs and conditions are numbers, texts or switches."
        )
    return without_secrets(str(value))


def patterns(select: str | Iterable[str]) -> tuple[str, ...]:
    """Return a selection as patterns of addresses."""
    return (select,) if isinstance(select, str) else tuple(select)


def seconds(value: float | str | None) -> float | None:
    """Return a time in seconds; words are read as on the command line (`5m`).

    Raises:
        SelectionError: if it is no positive time.
    """
    return None if value is None else quantities.seconds(str(value))


def time_limit(value: float | str | None) -> float | None:
    """Return the time that a case may take in seconds: by default that of `Limits`, for 0 any.

    Raises:
        SelectionError: if it is no time.
    """
    if value is None:
        return Limits.timeout_s
    return quantities.seconds_or_zero(str(value)) or None


def share(value: float | str | None) -> float | None:
    """Return a share between 0 and 1; `1%` is one.

    Raises:
        SelectionError: if it is none.
    """
    return None if value is None else quantities.share(str(value))


def size_bytes(value: float | str | None) -> int | None:
    """Return a size in bytes; words are read as on the command line (`4GiB`).

    Raises:
        SelectionError: if it is no positive size.
    """
    return None if value is None else quantities.size_bytes(str(value))


def check_resumption(folder: Path, request: RunRequest) -> None:
    """Refuse to go on with a run and to ask for another one at once.

    Raises:
        SelectionError: if more was asked for than to go on.
    """
    if request != RunRequest():
        raise SelectionError(
            "resume= takes no selection, seeds, repeats, scale, target_ci or energy_meters: the "
            "run knows what it was asked.",
            f"adabench.run(resume={str(folder)!r})",
        )


def command_words(
    request: RunRequest, limits: Limits, options: FanOutOptions, switches: Switches
) -> tuple[str, ...]:
    """Return the words of a shell that make the same run.

    `switches` are options without a value, by name, and whether they are on.
    """
    words = ["adabench", "run", *request.select]
    for item in fields(RunRequest):
        value = getattr(request, item.name)
        if item.name in OPTIONS and value != item.default:
            several = value if isinstance(value, tuple) else (value,)
            words += [word for one in several for word in (OPTIONS[item.name], str(one))]
    on = {
        "--no-sweep": not request.star,
        "--alone": request.alone,
        "--counts": request.counts,
        **switches,
    }
    words += [name for name, wanted in on.items() if wanted]
    return (*words, *_place_words(limits, options))


def _time_limit(limits: Limits) -> float | None:
    """Return what `--time-limit` is given: nothing for its default, 0 for any time."""
    return None if limits.timeout_s == Limits.timeout_s else limits.timeout_s or 0.0


def _place_words(limits: Limits, options: FanOutOptions) -> Sequence[str]:
    plain = FanOutOptions()
    values = {
        "--time-limit": _time_limit(limits), "--memory-limit": limits.memory_bytes,
        "--executor": None if options.kind == plain.kind else options.kind,
        "--workers": options.workers, "--cores": options.cores, "--gpus": options.gpus,
    }  # fmt: skip
    words = [word for name, v in values.items() if v is not None for word in (name, str(v))]
    words += [word for name, v in options.slurm.items() for word in ("--slurm", f"{name}={v}")]
    return [*words, *(word for line in options.slurm_setup for word in ("--slurm-setup", line))]
