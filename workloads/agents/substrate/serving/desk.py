"""What an agent has of one request: branches of its episode, which the server advances.

    def agent(desk):
        branch = desk.begin("act")
        yield desk.finish([branch])
        desk.offer(branch)

An agent is a generator: what it yields the server does, together with what other requests ask for, and what
comes of it is the value of the `yield`. An agent holds numbers of branches and copies of their words; it
can write none. What it offered last is its answer.
"""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.serving.branches import Ask, Branch, Head
from adabench.workloads.agents.substrate.serving.served_request import ServedRequest
from adabench.workloads.shared.language_model.contract import mix

Ids = tuple[int, ...]
_GAP = 0x6A9


@dataclass(frozen=True)
class Stream:
    """The prompts of a stream, and when they come."""

    index: int
    prompts: tuple[Ids, ...]
    group: str
    gaps: tuple[float, ...]
    """Before each request, at a rate of one a second: exponential, so that arrivals are Poisson's."""

    def arrivals_s(self, qps: float) -> tuple[float, ...]:
        """Return when each request comes, at a rate."""
        now, found = 0.0, []
        for gap in self.gaps:
            now += gap / qps
            found.append(now)
        return tuple(found)


def draw_gaps(seed: int, count: int) -> tuple[float, ...]:
    """Draw gaps between arrivals at one a second."""
    draws = Draws(mix(_GAP, seed))
    return tuple(-math.log(1.0 - draws.below(1 << 30) / (1 << 30)) for _ in range(count))


Agent = Generator[Ask, Any, None]
"""Of `check` comes how sure the critic is of each; of `reflect` a hint for each, or None."""


class Desk:
    """One request, as its agent has it."""

    def __init__(self, request: int, served: ServedRequest) -> None:
        self.request, self._served = request, served
        self.prompt = served.prompt

    def begin(self, mode: str, hints: Sequence[Ids] = ()) -> Branch:
        """Open an episode in a mode; hints, from reflections, go into its prompt.

        Raises:
            MethodContractError: for a hint that no reflection on this request gave.
        """
        return self._served.begin(mode, hints)

    def read(self, policy: str = "") -> Branch:
        """Return a branch of a policy that holds the prompt alone; each policy reads it once.

        Raises:
            SelectionError: if there is no such policy.
        """
        return self._served.read(policy)

    def begin_at(self, mode: str, policy: str = "", desk: int = 0) -> Branch:
        """Open an episode of a policy, with the tools of a desk, behind the prompt that it has read.

        Raises:
            SelectionError: if there is no such mode or policy.
        """
        return self._served.begin_at(mode, policy, desk)

    def hand_over(self, branch: Branch, policy: str = "", desk: int = 0) -> Branch:
        """Let a policy at another desk read a transcript from its first word on, and return what it has read.

        The message is the episode: an answer, or all before the calls that were down.

        Raises:
            CapabilityMissing: if episodes of this model cannot be handed over.
            SelectionError: if there is no such policy.
        """
        return self._served.hand_over(branch, policy, desk)

    def odds(self, branch: Branch, head: Head, *, pooled: bool = False) -> tuple[float, ...]:
        """Return what a small head reads in the policy's state behind a branch's last word; its cost is counted.

        `pooled`: in the mean of the states behind all of its words.
        """
        return self._served.odds(branch, head, pooled=pooled)

    @property
    def desks(self) -> int:
        """Return at how many desks tools stand."""
        return self._served.desks

    def fork(self, branch: Branch, count: int) -> list[Branch]:
        """Return so many branches that share all that was written; each draws words of its own."""
        return self._served.fork(branch, count)

    def advance(self, branches: Sequence[Branch], temperature: float = 0.0) -> Ask:
        """Ask for one step of each: a call with its result, a thought, an answer."""
        return Ask("step", tuple(branches), temperature)

    def finish(self, branches: Sequence[Branch], temperature: float = 0.0) -> Ask:
        """Ask for the end of each."""
        return Ask("end", tuple(branches), temperature)

    def plan(self, branches: Sequence[Branch], *, ahead: bool = True) -> Ask:
        """Ask for a plan of each, and for what its calls return; a planner's branches alone can.

        Calls begin as soon as their placeholders are settled: while the plan is written, or with `ahead`
        false once it is whole.
        """
        return Ask("plan", tuple(branches), ahead=ahead)

    def check(self, branches: Sequence[Branch]) -> Ask:
        """Ask the policy's critic how sure it is of each answer."""
        return Ask("check", tuple(branches))

    def reflect(self, branches: Sequence[Branch]) -> Ask:
        """Ask for a reflection on each, which was checked before and is held to be wrong."""
        return Ask("reflect", tuple(branches))

    def values(self, branches: Sequence[Branch]) -> list[float]:
        """Return how probably each ends well, by the head on the policy's state."""
        return self._served.values(branches)

    def offer(self, branch: Branch) -> None:
        """Name the best answer so far."""
        self._served.offer(branch)

    def release(self) -> None:
        """Let the client go with what was offered last: what follows runs behind other requests' backs."""
        self._served.is_released = True

    def now(self) -> float:
        """Return the time on the server's clock: seconds, or words where it counts these."""
        return self._served.now()

    @property
    def handled(self) -> int:
        """Return how many words this request read and wrote so far."""
        return self._served.handled

    def held(self) -> Mapping[str, int]:
        """Return how many branches each policy's machine holds at this moment."""
        return self._served.branches.held()

    def note(self, graph: Any) -> None:
        """Write down what the request ran through."""
        self._served.graph = graph

    def close(self, branches: Sequence[Branch]) -> None:
        """Let go of branches: the cache is freed."""
        self._served.close(branches)

    def words(self, branch: Branch) -> Ids:
        """Return what was written."""
        return self._served.words(branch)

    def ended(self, branch: Branch) -> bool:
        """Tell whether an episode has come to its end."""
        return self._served.ended(branch)

    def answer(self, branch: Branch) -> Any:
        """Return what an episode answers; None where nothing is, or failure is declared."""
        return self._served.stated(branch)


MakeAgent = Callable[[Desk], Agent]
