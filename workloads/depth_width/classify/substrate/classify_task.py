"""What the task hands to a method: trained mixtures by name, and queries without their keys."""

from typing import Protocol

from adabench.workloads.depth_width.classify.substrate.reading import QuerySet, Reader


class ClassifyTask(Protocol):
    """Mixtures by name, and queries that no score is taken on."""

    def reader(self, arm: str, batch: int = 64) -> Reader:
        """Return the reader of a mixture such as `hecto`."""
        ...

    def calibration(self) -> QuerySet:
        """Return queries that no score is taken on."""
        ...
