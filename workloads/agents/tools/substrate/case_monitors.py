"""Monitors that are asked before each call of a tool, without a model; the one with the highest priority wins.

    health    0.99 if a tool went down that no weight knows of yet, else 0.10      -> write weights anew
    risk      0.95 above an amount, 0.85 with a flag, else 0.20                    -> escalate
    intent    0.90 if the request asks for something else, else 0.30               -> go on
    progress  0.50 while stages are missing, else 0.10                             -> go on

In the paper health stays at 0.99 as long as anything is down, so that an outage hides every risk. Here it is news once.
"""

from typing import Literal, NamedTuple

from adabench.workloads.agents.tools.substrate.routing_session import HIGH_AMOUNT
from adabench.workloads.agents.tools.substrate.tool_endpoint import Result

Monitor = Literal["health", "risk", "intent", "progress"]
OTHER_INTENTS = frozenset(("cancel", "complain", "human"))


class Signal(NamedTuple):
    """What a monitor says."""

    priority: float
    monitor: Monitor


def health(news: frozenset[str]) -> Signal:
    """Say how urgent it is that tools went down."""
    return Signal(0.99 if news else 0.10, "health")


def risk(latest: Result | None) -> Signal:
    """Say how urgent it is that a person decides, by what the latest call returned."""
    if latest is not None and (latest.value or 0) > HIGH_AMOUNT:
        return Signal(0.95, "risk")
    return Signal(0.85 if latest is not None and latest.flags else 0.20, "risk")


def intent(request: str) -> Signal:
    """Say how urgent it is that the request asks for something else."""
    return Signal(0.90 if OTHER_INTENTS & set(request.lower().split()) else 0.30, "intent")


def progress(missing: int) -> Signal:
    """Say how urgent it is to go on."""
    return Signal(0.50 if missing else 0.10, "progress")


def winner(*signals: Signal) -> Monitor:
    """Return the monitor with the highest priority; the first of equals."""
    return max(signals, key=lambda signal: signal.priority).monitor
