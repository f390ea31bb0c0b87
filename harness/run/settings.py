"""How cells are run: what holds for every method of a run, as plain data for other processes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adabench.profilers.timing.cuda import L2
from adabench.profilers.timing.disturbance import KEEP_SHARE
from adabench.profilers.timing.stopping import Target

RETAKES = 2


@dataclass(frozen=True)
class Settings:
    """How cells are run; the same for all methods of a run."""

    window_s: float = 0.002
    """A measured block is at least this long; shorter cases are looped."""
    cache_folder: Path | None = None
    """Where prepared states are kept; None keeps none."""
    keep_share: float = KEEP_SHARE
    """The timing of a case of which a smaller share of samples was undisturbed is invalid."""
    target: Target | None = None
    """Measure on until the median is known so well; None measures one block."""
    steady_s: float = 0.0
    """A method may warm up so long for its times to become steady; 0 solves once unmeasured."""
    l2: tuple[L2, ...] = ("hot",)
    """What the L2 cache holds when CUDA events time a call; where there is a CUDA context."""
    meters: tuple[str, ...] = ()
    """Energy meters by name, beside the counters of the machine."""
    energy: bool = False
    """Measure the energy of each case in a pass of its own."""
    energy_s: float = 30.0
    """The budget of that pass."""
    slowdown: float = 0.0
    """A share of more work that a gate plants into a method, to see that it notices."""
    retakes: int = RETAKES
    """How often a short block that was disturbed is measured again."""
    timed_cases: int = 0
    """Cases of a turn that are timed, where a seed only draws further ones; the others are counted. 0: all are timed."""
    sessions: int = 0
    """Cases that are counted side by side, with their models in one batch; 0: as many as the task says."""
    kinds: bool = False
    """Whether records say of which kind an answer is, where the task tells kinds (`protocols.kind_of`)."""

    @property
    def counts_folder(self) -> Path | None:
        """Return where counted cells are kept; nowhere if a number of sessions or kinds were asked for."""
        return None if self.sessions or self.kinds else self.cache_folder

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        folder = self.cache_folder
        return {**asdict(self), "cache_folder": str(folder) if folder else None}


def settings_from_json(plain: Mapping[str, Any]) -> Settings:
    """Rebuild settings from `to_json`."""
    folder, target = plain["cache_folder"], plain["target"]
    return Settings(
        **{
            **plain,
            "cache_folder": Path(folder) if folder else None,
            "target": Target(**target) if target else None,
            "l2": tuple(plain["l2"]),
            "meters": tuple(plain["meters"]),
        }
    )


@dataclass(frozen=True)
class Limits:
    """What one step of a method may use."""

    timeout_s: float | None = 1800.0
    """None waits for ever."""
    memory_bytes: int | None = None
    descendants: int = 64
    """Processes that a method may have beside its own."""
