"""How cases come to a server: so many in flight at once, or at random moments.

Closed loop: each of `users` takes the next case when its last one is answered. Open loop: cases arrive as a
Poisson process of `qps`, whatever is still in flight. A task that has a `load` has the cases of a turn solved
together; every second of its records is one under load, and is named apart (`load_latency_s`).
"""

import random
from dataclasses import dataclass

from adabench.harness.contract.card import Point

PREFIX = "load_"
"""Begins the names of seconds that were measured under load; those of a case alone have none."""
CONDITIONS = ("concurrency", "qps")
"""Of a task: how many cases are in flight, or how many arrive a second; 0 of both is no load."""
LATENCY = f"{PREFIX}latency_s"
SERVED = ("openai:", "chat:", "litellm:")
"""Begin the names of models that are servers'."""
MOST_IN_FLIGHT = 64
"""Of an open loop; a case that arrives while so many are in flight waits, and that is measured."""


@dataclass(frozen=True)
class Load:
    """A closed loop of users, or an open loop with arrivals a second."""

    users: int = 0
    qps: float = 0.0

    @property
    def in_flight(self) -> int:
        """Return the most cases that are solved at once."""
        return MOST_IN_FLIGHT if self.qps else self.users

    def arrivals_s(self, count: int, seed: int) -> list[float]:
        """Return when each case arrives, in seconds from the first; nothing in a closed loop.

        They follow from the seed, so that every method meets the same ones.
        """
        if not self.qps:
            return []
        draw = random.Random(f"arrivals {seed} {self.qps}")
        moments = [0.0]
        while len(moments) < count:
            moments.append(moments[-1] + draw.expovariate(self.qps))
        return moments[:count]


def load_of(task: object) -> Load | None:
    """Return how cases come to a task that is measured under load; None: one after the other."""
    found: Load | None = getattr(task, "load", None)
    return found


def asks_server(conditions: Point) -> bool:
    """Tell conditions whose model is a server's: the process of a method waits for it, and works little itself."""
    return str(conditions.get("model", "")).startswith(SERVED)
