"""What goes wrong with tools in an episode: laid down before it, and seen by calls that fail.

    down   outage: from the first call on
    err    transient: another try of the same call may do
    late   timeout: the call blocks until its deadline, and says so

Whether a call fails follows from the world's seed, the tool, what it was asked and how often it was asked
that before in the same episode. So branches of one question meet the same faults in whatever order they run.
"""

from dataclasses import dataclass

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.shared.language_model.contract import mix

_FAULT = 0xFA17
_UNIT = 2.0**-64


@dataclass(frozen=True)
class FaultRates:
    """How often what fails."""

    transient: float = 0.06
    """Of calls."""
    timeout: float = 0.04
    """Of calls."""
    primary_down: float = 0.12
    """Of episodes: K1, C1 or both are down."""
    all_down: float = 0.03
    """Of episodes: nothing works."""


NO_FAULTS = FaultRates(0.0, 0.0, 0.0, 0.0)
ALL_DOWN = FaultRates(0.0, 0.0, 0.0, 1.0)
USUAL_FAULTS = FaultRates()


@dataclass(frozen=True)
class FaultPlan:
    """The faults of one episode."""

    seed: int
    down: frozenset[int] = frozenset()
    """Tools that are out of order."""
    transient: float = 0.0
    timeout: float = 0.0

    def fault(self, tool: int, arguments: tuple[int, ...], attempt: int) -> int | None:
        """Return the word by which a call fails, of those that may work another time."""
        number = mix(_FAULT, self.seed, tool, attempt, *arguments) * _UNIT
        if number < self.transient:
            return tokens.TRANSIENT
        return tokens.TIMEOUT if number < self.transient + self.timeout else None


def draw_faults(seed: int, rates: FaultRates = USUAL_FAULTS) -> FaultPlan:
    """Draw the faults of one episode."""
    draws = Draws(mix(_FAULT, seed))
    down: frozenset[int] = frozenset()
    if draws.chance(rates.all_down):
        down = frozenset((*tokens.LOOK_UPS, *tokens.CALCULATORS))
    elif draws.chance(rates.primary_down):
        down = frozenset(draws.pick(((tokens.K1,), (tokens.C1,), (tokens.K1, tokens.C1))))
    return FaultPlan(seed, down, rates.transient, rates.timeout)


def alternative(tool: int) -> int:
    """Return the other tool of the same kind."""
    return {tokens.K1: tokens.K2, tokens.K2: tokens.K1, tokens.C1: tokens.C2, tokens.C2: tokens.C1}[
        tool
    ]
