# mypy: allow-untyped-calls
# (torch annotates its dispatch modes only in part.)
"""Calls of operators that carry work and that no formula counts, by name. Imports torch."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from adabench.profilers.compute.formulas import unformulated


class Uncounted(TorchDispatchMode):
    """Counts while it is entered; around torch's counter it sees what that one has taken apart."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run one operator, and note it if nothing counts its work."""
        if unformulated(func):
            self.calls[func._schema.name.replace("::", ".")] += 1
        return func(*args, **(kwargs or {}))
