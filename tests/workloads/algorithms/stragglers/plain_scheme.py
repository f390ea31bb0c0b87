"""The scheme that planted ones begin from."""

from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    WAIT,
    Group,
    Layout,
    Orders,
    own_job,
)


class Plain:
    """Waits for all."""

    delay = 0
    decision = WAIT

    def __init__(self, n):
        self.layout = Layout((Group(1.0, n),))

    def assign(self, view):
        return Orders(*own_job(view))

    def decide(self, view, orders, late):
        return self.decision
