"""Which examples hypothesis draws: the same ones in every run, or others, by a seed that is said.

The seed of the same ones is a test's own text. Others are drawn if `$ADABENCH_RANDOM_EXAMPLES` is
a seed, or 1 for any; the header says how to draw them again. Nothing is read from earlier runs.
"""

import os
import secrets

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

VARIABLE = "ADABENCH_RANDOM_EXAMPLES"
ANY = "1"
SAME, RANDOM = "adabench", "random"
OPTION = "hypothesis_seed"

COMMON = settings(
    database=None,
    deadline=None,  # a busy machine is no failure
    suppress_health_check=[HealthCheck.too_slow],  # nor is it here
    print_blob=True,
)
settings.register_profile(SAME, COMMON, derandomize=True)
settings.register_profile(RANDOM, COMMON, derandomize=False)
settings.load_profile(SAME)


def seed_of(wish: str) -> int | None:
    """Return the seed that a wish names, a new one if it names none, nothing for no wish."""
    if wish in ("", "0"):
        return None
    if wish == ANY:
        return secrets.randbelow(10**9) + 2
    if not wish.isdecimal():
        raise pytest.UsageError(f"{VARIABLE}={wish} is no seed, and not 1 for any.")
    return int(wish)


def choose(config: pytest.Config) -> None:
    """Let all processes of the session draw the same ones, or others by one seed."""
    forget_imports()
    seed = seed_of(getattr(config.option, OPTION, None) or os.environ.get(VARIABLE, ""))
    if seed is None:
        settings.load_profile(SAME)
        return
    os.environ[VARIABLE] = str(seed)  # workers start with it
    setattr(config.option, OPTION, str(seed))
    settings.load_profile(RANDOM)


def forget_imports() -> None:
    """Draw no constants that hypothesis reads in the modules that happen to be imported.

    They would make examples depend on which tests ran before in the same process.
    """
    if hasattr(providers, "_get_local_constants"):  # hypothesis 6.131 and later
        none = providers.Constants()
        providers._get_local_constants = lambda: none


def header() -> str:
    """Say which examples are drawn, and how to draw them again."""
    seed = seed_of(os.environ.get(VARIABLE, ""))
    if seed is None:
        return f"examples: the same ones in every run; {VARIABLE}=1 draws others"
    return f"examples: drawn at random; {VARIABLE}={seed} draws them again"
