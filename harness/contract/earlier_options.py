"""Options that have other names now: the names of before are read for one release, with a note.

The keywords of `adabench.run` are called as the options are, and are read alike. Recorded runs hold the command that made them as it was typed; where it is shown, it is shown in today's words.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

from adabench.harness.errors import SelectionError

P = ParamSpec("P")
R = TypeVar("R")
RUN = {
    "--budget": "--race",
    "--epsilon": "--frontier-tolerance",
    "--timeout": "--time-limit",
    "--memory": "--memory-limit",
    "--precision": "--target-ci",
    "--per-case": "--max-time-per-case",
    "--steady": "--warmup",
    "--profile": "--hardware",
    "--off-profile": "--allow-hardware-mismatch",
    "--defaults": "--no-sweep",
    "--meter": "--energy-meter",
}
EARLIER: dict[str, dict[str, str]] = {"run": RUN, "trace": {"--profile": "--hardware"}}
"""By verb: what an option was called, and what it is called now."""
KEYWORDS = {
    "budget": "race",
    "epsilon": "frontier_tolerance",
    "timeout": "time_limit",
    "memory": "memory_limit",
    "precision": "target_ci",
    "per_case": "max_time_per_case",
    "steady": "warmup",
    "profile": "hardware",
    "off_profile": "allow_hardware_mismatch",
    "defaults": "no_sweep",
    "meters": "energy_meters",
}
"""What a keyword of `adabench.run` was called, and what it is called now."""
END = "--"
"""After it nothing is an option."""


def earlier_names(verb: str, words: Sequence[str]) -> dict[str, str]:
    """Return the earlier names among the words after a verb, each with its name of today."""
    names = EARLIER.get(verb, {})
    options = words[: words.index(END)] if END in words else words
    used = (word.partition("=")[0] for word in options)
    return {name: names[name] for name in used if name in names}


def in_todays_words(verb: str, words: Sequence[str]) -> list[str]:
    """Return the words after a verb with every option under its name of today."""
    names = earlier_names(verb, words)
    end = words.index(END) if END in words else len(words)
    return [*(_today(word, names) for word in words[:end]), *words[end:]]


def _today(word: str, names: dict[str, str]) -> str:
    name, equals, value = word.partition("=")
    return f"{names[name]}{equals}{value}" if name in names else word


def command_today(command: Sequence[object]) -> list[str]:
    """Return a recorded command, `adabench VERB ...`, in today's words."""
    words = [str(word) for word in command]
    return [*words[:2], *in_todays_words(words[1], words[2:])] if len(words) > 2 else words


def earlier_keywords_too(call: Callable[P, R]) -> Callable[P, R]:
    """Let a call in Python read earlier names of its keywords too, with a warning for each."""

    @wraps(call)
    def renamed(*words: P.args, **named: P.kwargs) -> R:
        for name in [name for name in named if name in KEYWORDS]:
            today = KEYWORDS[name]
            if today in named:
                raise SelectionError(f"{name}= and {today}= are the same.", f"Give {today}= alone.")
            text = f"{name}= is now called {today}=; the old name goes with the next release."
            warnings.warn(text, FutureWarning, stacklevel=2)
            named[today] = named.pop(name)
        return call(*words, **named)

    return renamed
