"""Planted: takes the scored delays out of the task's books and picks its s on them."""

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.methods.gradient_code import CodedScheme
from adabench.workloads.algorithms.stragglers.substrate.scheme import Group, Layout, Orders, own_job

CARD = Card(title="looks ahead", adapts="on the future", paper="none")


class FastestOnly(CodedScheme):
    """Gives the round's slowest worker nothing but what is also done by the fastest."""

    def assign(self, view):
        job, piece = own_job(view, 2)
        row = self.may_be_late[view.round]
        slow, fast = row.argmax(), row.argmin()
        job[fast, 1], piece[fast, 1] = view.round, slow
        return Orders(job, piece)

    def decide(self, view, orders, late):
        from adabench.workloads.algorithms.stragglers.substrate.scheme import WAIT

        return WAIT


def solve(task, case, point):
    for cell in task._ledger.find.__closure__:
        if isinstance(cell.cell_contents, list):
            for profile in cell.cell_contents:
                if profile.case is case:
                    base = profile.base
    return task.run(case, FastestOnly(Layout((Group(1.0, case.n),)), base))
