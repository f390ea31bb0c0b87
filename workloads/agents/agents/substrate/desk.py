"""What an agent has of one request: branches of its episode, which the server advances.

    def agent(desk):
        branch = desk.begin("act")
        yield desk.finish([branch])
        desk.offer(branch)

An agent is a generator: what it yields the server does, together with what other requests ask for, and what
comes of it is the value of the `yield`. An agent holds numbers of branches and copies of their words; it
can write none. What it offered last is its answer.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from adabench.workloads.agents.agents.substrate.request_stream import Ids


@dataclass(frozen=True)
class Branch:
    """An episode, or a branch of one."""

    request: int
    number: int


AskKind = Literal["step", "end", "check", "reflect", "plan"]


@dataclass(frozen=True)
class Ask:
    """What an agent wants done before it goes on."""

    kind: AskKind
    branches: tuple[Branch, ...]
    temperature: float = 0.0
    ahead: bool = True
    """Of a plan: whether calls begin while it is written."""


Agent = Generator[Ask, Any, None]
"""Of `check` comes how sure the critic is of each; of `reflect` a hint for each, or None."""


class Backing(Protocol):
    """What does what an agent asks for: the server's side of a desk."""

    def begin(self, mode: str, hints: Sequence[Ids]) -> Branch:
        """Open an episode."""
        ...

    def fork(self, branch: Branch, count: int) -> list[Branch]:
        """Return branches that share all that was written."""
        ...

    def values(self, branches: Sequence[Branch]) -> list[float]:
        """Return the head's value of each."""
        ...

    def offer(self, branch: Branch) -> None:
        """Write down an answer."""
        ...

    def close(self, branches: Sequence[Branch]) -> None:
        """Let go of branches."""
        ...

    def words(self, branch: Branch) -> Ids:
        """Return what was written."""
        ...

    def ended(self, branch: Branch) -> bool:
        """Tell whether it is over."""
        ...

    def stated(self, branch: Branch) -> Any:
        """Return its answer."""
        ...


class Desk:
    """One request, as its agent has it."""

    def __init__(self, request: int, backing: Backing) -> None:
        self.request, self._backing = request, backing

    def begin(self, mode: str, hints: Sequence[Ids] = ()) -> Branch:
        """Open an episode in a mode; hints, from reflections, go into its prompt.

        Raises:
            MethodContractError: for a hint that no reflection on this request gave.
        """
        return self._backing.begin(mode, hints)

    def fork(self, branch: Branch, count: int) -> list[Branch]:
        """Return so many branches that share all that was written; each draws words of its own."""
        return self._backing.fork(branch, count)

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
        return self._backing.values(branches)

    def offer(self, branch: Branch) -> None:
        """Name the best answer so far."""
        self._backing.offer(branch)

    def close(self, branches: Sequence[Branch]) -> None:
        """Let go of branches: the cache is freed."""
        self._backing.close(branches)

    def words(self, branch: Branch) -> Ids:
        """Return what was written."""
        return self._backing.words(branch)

    def ended(self, branch: Branch) -> bool:
        """Tell whether an episode has come to its end."""
        return self._backing.ended(branch)

    def answer(self, branch: Branch) -> Any:
        """Return what an episode answers; None where nothing is, or failure is declared."""
        return self._backing.stated(branch)


MakeAgent = Callable[[Desk], Agent]
