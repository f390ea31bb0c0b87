"""How fast counts come through the tool: answers a processor-second, and a record beside its solve.

    python benchmarks/counts.py          a table; some 2 minutes, best on a quiet machine

For each cell the cases are solved in this process, with nothing around them but what every method needs
(`enter`, the meter); then the same cases are counted through a bench, and the processor seconds of this
process, the task's server and the method's process are added up. A first pass over other cases warms
both up: kernels, weights, imports.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from adabench.harness.contract import registry
from adabench.harness.contract.card import Point
from adabench.harness.contract.protocols import case_environment, enter_case
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.run.block import LoadedBlock, load_block
from adabench.harness.run.execute import Bench
from adabench.harness.run.settings import Limits, Settings

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Subject:
    """A cell whose counts are asked for."""

    address: str
    point: Point
    conditions: Point

    def cell(self, seed: int) -> Cell:
        """Return the cell at a seed, at the defaults but for what the subject says."""
        task, _, method = self.address.partition("/")
        card, own = registry.find(task).card, registry.find(self.address).card
        conditions = {**card.defaults, **own.conditions, **self.conditions}
        return Cell(task, method, {**own.defaults, **self.point}, conditions, card.scales[0], seed)


SUBJECTS = (
    Subject("lookup/act", {}, {"questions": 600}),
    Subject("chain/greedy", {}, {"problems": 300}),
    Subject("chain/majority", {"N": 16}, {"problems": 200}),
    Subject("chain/beam", {"N": 16}, {"problems": 60}),
)
WARM_SEED, SEED = 0, 1


def solves(block: LoadedBlock, subject: Subject, point: Point) -> float:
    """Return the processor seconds of solving all cases here, with nothing around them."""
    method = registry.load(registry.find(subject.address))
    substrate = block.task.substrate()
    cases = [(case, case_environment(block.task, case, oracle=False)) for case in block.cases]
    since = time.process_time()
    for case, environment in cases:
        enter_case(substrate, case, environment)
        substrate.meter.clear()
        method.solve(substrate, case, point)
    return time.process_time() - since


def counts(subject: Subject) -> float:
    """Return the processor seconds of counting all cases through a bench, whatever process took them."""
    with closing(Bench(Settings(window_s=0.0), Limits())) as bench:
        for _ in bench.counts(Turn(subject.cell(WARM_SEED), 0, counts=True)):
            pass
        bench.open(Turn(subject.cell(SEED), 0))
        before = _processor_s(bench)
        number = sum(
            record.status == "ok"
            for record in bench.counts(Turn(subject.cell(SEED), 0, counts=True))
        )
        took = _processor_s(bench) - before
    assert number
    return took


def _processor_s(bench: Bench) -> float:
    """Return the processor seconds of this process and of those that the bench runs."""
    pids = [handle.pid for handle in bench.methods.values()]
    pids += [server.process.pid for server in bench.servers.values()]
    return time.process_time() + sum(map(_of_process_s, pids))


def _of_process_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * TICK_S


def rows() -> Iterator[Mapping[str, float | str]]:
    """Yield what each subject came to."""
    for subject in SUBJECTS:
        cell = subject.cell(SEED)
        block = load_block(cell)
        solves(load_block(subject.cell(WARM_SEED)), subject, cell.point)
        n = len(block.cases)
        solve_s, count_s = solves(block, subject, cell.point), counts(subject)
        yield {
            "cell": subject.address, "cases": n, "solve_ms": 1e3 * solve_s / n,
            "record_ms": 1e3 * count_s / n, "ratio": count_s / solve_s, "per_cpu_s": n / count_s,
        }  # fmt: skip


def main() -> None:
    """Print the table."""
    print("cell              cases  solve ms  record ms  record/solve  answers a CPU-second")
    for row in rows():
        print(
            "{cell:16} {cases:6d} {solve_ms:9.2f} {record_ms:10.2f} {ratio:13.2f} "
            "{per_cpu_s:21.0f}".format(**row),
            flush=True,
        )


if __name__ == "__main__":
    main()
