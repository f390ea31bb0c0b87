"""What Python asks is what the command line would: the words of the one make the request of the other."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adabench.harness.distributed.backends import FanOutOptions
from adabench.harness.errors import SelectionError
from adabench.harness.notebook import run_arguments as words
from adabench.harness.plan.request import parse_seeds
from adabench.harness.run.run_request import RunRequest
from adabench.harness.run.settings import Limits


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        (range(5), "0..4"), ([0, 1, 2], "0..2"), (7, "7"), ([3], "3"), ("0..9", "0..9"),
        ([0, 3, 10, 11, 12], "0,3,10..12"), (np.arange(2, 4), "2..3"), ((i for i in (4, 2)), "4,2"),
    ],
)  # fmt: skip
def test_seeds_become_the_words_that_name_them(seeds: Any, text: str) -> None:
    several = list(seeds) if isinstance(seeds, range | list) else None
    assert words.seed_words(seeds) == text
    if several is not None:
        assert list(parse_seeds(text)) == several


@pytest.mark.parametrize("seeds", [[], [0.5], [-1], ["a"], [None]])
def test_what_is_no_seed_is_refused(seeds: Iterable[Any]) -> None:
    with pytest.raises(SelectionError, match="seeds"):
        words.seed_words(seeds)


def test_knobs_are_numbers_texts_switches_and_files() -> None:
    fixed = {"noise": 0.1, "k": np.int64(3), "on": True, "trace": Path("a/b.csv"), "word": "x"}
    assert words.fixed_words(fixed) == ("noise=0.1", "k=3", "on=True", "trace=a/b.csv", "word=x")
    assert words.swept_words({"noise": np.array([0.0, 0.5]), "k": (1, 2)}) == (
        "noise=0.0,0.5",
        "k=1,2",
    )


@pytest.mark.parametrize("sweep", [{"k": 1}, {"k": "ab"}, {"k": []}, {"k": ["a,b"]}, {"k": [[1]]}])
def test_a_sweep_that_no_command_could_take_is_refused(sweep: Any) -> None:
    with pytest.raises(SelectionError, match="k"):
        words.swept_words(sweep)


def test_a_live_object_is_no_value_of_a_knob() -> None:
    with pytest.raises(SelectionError, match="model cannot be"):
        words.fixed_words({"model": object()})  # type: ignore[dict-item]


def test_times_shares_and_sizes_are_numbers_or_words() -> None:
    assert words.seconds("1.5m") == words.seconds(90) == 90.0
    assert words.share("1%") == words.share(0.01) == 0.01
    assert words.size_bytes("4KiB") == words.size_bytes(4096) == 4096
    assert words.seconds(None) is words.share(None) is words.size_bytes(None) is None
    with pytest.raises(SelectionError):
        words.seconds(-1)


def test_the_words_of_a_command_say_all_that_was_asked() -> None:
    request = RunRequest(
        ("paging/*", "*/lru"), ("noise=0.1",), ("slots=1,2",), False, "0..4", 2, "real", 0.01, 1.0,
        2.0, None, 0.02, ("rapl",), True,
    )  # fmt: skip
    found = words.command_words(
        request, Limits(5.0, 4096), FanOutOptions("slurm", 2, 1, {"partition": "gpu"}, 1, ("a b",)),
        {"--energy": True, "--no-cache": False},
    )  # fmt: skip
    assert " ".join(found) == (
        "adabench run paging/* */lru --set noise=0.1 --sweep slots=1,2 --seeds 0..4 --repeats 2 "
        "--scale real --target-ci 0.01 --max-time-per-case 1.0 --warmup 2.0 --energy-meter rapl --no-sweep --alone "
        "--energy --time-limit 5.0 --memory-limit 4096 --executor slurm --workers 2 --cores 1 --gpus 1 "
        "--slurm partition=gpu --slurm-setup a b"
    )
    assert words.command_words(RunRequest(), Limits(), FanOutOptions(), {}) == ("adabench", "run")


@pytest.mark.parametrize(("given", "said"), [(None, []), ("5m", ["300.0"]), (0, ["0.0"])])
def test_a_time_limit_that_was_given_is_said_again(given: object, said: list[str]) -> None:
    limits = Limits(words.time_limit(given))  # type: ignore[arg-type]
    found = words.command_words(RunRequest(), limits, FanOutOptions(), {})
    assert list(found[2:]) == (["--time-limit", *said] if said else [])
