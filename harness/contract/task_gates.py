"""What a task must show on development cases before a published claim about its methods can be tested there.

A task's card declares it (`gates=`), `adabench check TASK --gates` measures it, and the figures stand in `gates.json`
beside the task: nobody writes them by hand, and `adabench check` refuses figures of another declaration, of other
static methods or of other weights. Four gates:

    room        the oracle, luck taken out, leads the best static setting at no more work by the card's margin
    failures    so large a share of the default static's failures is of a kind that the family repairs
    strategies  choosing by difficulty beats the best fixed setting, and each strategy is on the front somewhere
    saturation  the default static is neither nearly always right nor nearly always wrong

Where one fails, a published claim that was tested under these conditions is `not testable here: no room`. Identities
and theorems need no room and stay as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from adabench.harness.contract.expectations import Scalar

GateName = Literal["room", "failures", "strategies", "saturation"]
GATES: tuple[GateName, ...] = get_args(GateName)
GateWord = Literal["passes", "fails", "does not apply"]
NO_ROOM = "no room"
"""How the reason of a verdict begins that a gate decided."""
ABSENT = "never on the front of any difficulty: "
"""What stands before the strategies that are best nowhere."""


@dataclass(frozen=True)
class Gates:
    """On which development cases of a task which methods are measured, under one set of conditions."""

    default: str
    """The static method whose failures are looked at, at its default."""
    at: Mapping[str, Scalar] = field(default_factory=dict)
    """Conditions that the figures hold for, where they are not the task's defaults."""
    cases: Mapping[str, Scalar] = field(default_factory=dict)
    """Conditions that say how many cases a seed has; a claim may be tested on another number."""
    anywhere: tuple[str, ...] = ()
    """Conditions that cards of methods pin, and under whose other values these run as well."""
    seeds: int | tuple[int, ...] = 5
    """Of development cases: how many from the first on; or each by itself, where a declaration was changed with
    figures of the first in sight."""
    oracles: tuple[str, ...] = ()
    """Whose room is asked for; empty for those of all gaps."""
    pool: tuple[str, ...] = ()
    """The strategies that a method chooses among, or one static method whose settings they are; empty for all statics.
    Where the task has outcomes in store, names among these."""
    groups: tuple[str, ...] = ()
    """Of cases that are sets: the metrics that say how right each equal part of one is, from the easiest on."""
    count: str = ""
    """Of cases that are sets: the metric that says how large one is."""
    repairs: tuple[str, ...] = ()
    """The kinds of failures, as the task's `kind` names them, that methods of this family repair."""
    without: Mapping[str, str] = field(default_factory=dict)
    """By gate: why it does not apply."""


class StaticOutcomes(NamedTuple):
    """What static settings made of development cases, of a task that has it in store: its `development()` returns it."""

    names: tuple[str, ...]
    quality: Any
    """[cases, settings], an array."""
    work: Any
    """[cases, settings], an array."""
    group: Any
    """[cases], how hard each is: an array of whole numbers."""


@dataclass(frozen=True)
class GateRow:
    """What was measured for one gate."""

    gate: GateName
    word: GateWord
    says: str
    """The figures in a sentence, or why it does not apply."""
    figure: float | None = None
    bar: float | None = None
    """What the figure must reach; of saturation the end of the range that is nearer."""
    low: float | None = None
    high: float | None = None
    """The 95 % interval, where there is one."""
    n: int = 0
    """Cases."""
    oracle: str = ""
    """Of room: whose lead it is."""
    methods: tuple[str, ...] = ()
    """The methods whose claims rest on it; empty for all."""
    at: Mapping[str, Scalar] = field(default_factory=dict)
    """All conditions of the task that the figures hold for."""

    @property
    def name(self) -> str:
        """Return the gate, with its oracle where it has one."""
        return f"{self.gate} ({self.oracle})" if self.oracle else self.gate
