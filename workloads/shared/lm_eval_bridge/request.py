"""What is read of a request of lm-eval, and what a likelihood is there."""

from typing import Any, Protocol

Likelihood = tuple[float, bool]
"""A log-probability, and whether each word was the likeliest."""


class Request(Protocol):
    """What is read of lm-eval's `Instance`."""

    args: tuple[Any, ...]
    task_name: str | None
    doc: Any
