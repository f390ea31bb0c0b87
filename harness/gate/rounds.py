"""Interleaved rounds of two revisions: who runs when, and how many.

On a shared two-core machine a process of `paging/lru` was 45 % slower than its neighbour of the
same code for as long as it lived (2.9 and 4.2 ms a case, 12 repeats each), whatever was interleaved
with what. Forks get their memory anew: of 26 pairs of forks from three pairs of processes, 24
lay within 3 % of each other and one 18 % off. So a *round* is: both revisions start a process
that has imported what it needs; both fork a few times; and in every pair of forks the two are
led case by case, A B, B A, A B, so that neither ever runs while the other does. What a round
says, by medians, is one unit of evidence (`judge.py`), whatever is measured inside it.

All cells take part in the first `FIRST` rounds. Then the gate looks. While something is ambiguous
and nothing is worse, further rounds run the ambiguous cells only, until the budget is spent: at
most `LOOKS` looks in all, each of the further ones after an equal share of the time that is left. A
quality that is ambiguous is not helped by another round of the same cases: its further rounds bring
new seeds.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from adabench.harness.contract.record import Cell, Record, record_from_json
from adabench.harness.errors import EnvironmentProblem, MethodContractError, SelectionError
from adabench.harness.gate.judge import GateVerdict

FIRST = 8
LOOKS = 4
FORKS = 4
STRIDE = 1000
"""Repeats of round r are numbered from r * STRIDE, those of its fork f from there + f * WITHIN."""
WITHIN = 200
CELL_S = 2.0
"""What a cell may take of a round, both revisions together; at least one fork measures it once."""


Command = Sequence[str]
"""What follows the interpreter: `-m` and a module's name."""


@dataclass(frozen=True)
class RevisionSetup:
    """One revision: what it is called, and the interpreter that runs its code."""

    label: str
    python: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    """Its environment variables; empty takes ours."""
    plant: float = 0.0
    """Of a self-test: the share of work that it does in vain."""


@dataclass(frozen=True)
class Pace:
    """How much is measured; fixed before anything is."""

    first: int = FIRST
    looks: int = LOOKS
    forks: int = FORKS
    cell_s: float = CELL_S
    budget_s: float = 0.0
    """For rounds beyond the first ones."""


@dataclass
class RoundRecords:
    """What was measured of both revisions so far."""

    base: list[Record] = field(default_factory=list)
    head: list[Record] = field(default_factory=list)
    count: int = 0
    """Rounds."""
    looks: int = 0
    spent_s: float = 0.0


class WorkerProcess:
    """A process of one revision, spoken to in lines of JSON (`gate/protocol.py`)."""

    def __init__(self, revision: RevisionSetup, command: Command, talk: IO[bytes]) -> None:
        self.revision, self._talk = revision, talk
        # -P keeps the working directory, and the folder of a script, off sys.path.
        self._process = subprocess.Popen(
            [revision.python, "-P", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=talk,
            env={**revision.environ} or None,
            text=True,
        )

    def receive(self) -> dict[str, Any]:
        """Return the next answer.

        Raises:
            EnvironmentProblem: if the process ended, or cannot do what was asked.
            SelectionError: if the revision says that what was asked makes no sense.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._talk.seek(0)
            last = self._talk.read().decode(errors="replace").strip().splitlines()[-1:]
            raise EnvironmentProblem(
                f"The process of {self.revision.label} ended: {' '.join(last) or 'no message'}.",
                "Its dependencies may be others than those installed here: try --install full.",
            )
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            message, hint, code = answer["refused"]
            kinds = {2: SelectionError, 4: MethodContractError}
            raise kinds.get(code, EnvironmentProblem)(f"{self.revision.label}: {message}", hint)
        return answer

    def send(self, **order: Any) -> None:
        """Give an order; `receive` brings its answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: `receive` says why

    def request(self, **order: Any) -> dict[str, Any]:
        """Give an order and return its answer."""
        self.send(**order)
        return self.receive()

    def close(self) -> None:
        """End the process and its fork."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # its input ends, and so does it
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextmanager
def start_workers(
    revisions: Sequence[RevisionSetup], command: Command
) -> Iterator[list[WorkerProcess]]:
    """Start a process of every revision; all end at the end."""
    with ExitStack() as stack:
        workers = []
        for revision in revisions:
            talk = stack.enter_context(TemporaryFile())
            workers.append(WorkerProcess(revision, command, talk))
            stack.callback(workers[-1].close)
        yield workers


def measure(
    revisions: Sequence[RevisionSetup],
    command: Command,
    cells: Sequence[Cell],
    pace: Pace,
    look: Callable[[RoundRecords], list[GateVerdict]],
    say: Callable[[str], None],
) -> tuple[RoundRecords, list[GateVerdict]]:
    """Run the first rounds, look, and run further rounds for what is ambiguous."""
    rounds = RoundRecords()
    for _ in range(pace.first):
        run_round(revisions, command, cells, pace, rounds)
        say(f"round {rounds.count} of {pace.first}: {rounds.spent_s:.0f} s")
    free_from = rounds.spent_s
    rows = look(rounds)
    rounds.looks = 1
    while rounds.looks < pace.looks and open_cells(rows, cells):
        left = pace.budget_s - (rounds.spent_s - free_from)
        until = rounds.spent_s + left / (pace.looks - rounds.looks)
        rest = open_cells(rows, cells)
        before = rounds.count
        # A round takes about as long as the last one did: none is begun that would not fit.
        lasted = 0.0
        while rounds.spent_s + lasted < until or (before == rounds.count and left > 0):
            fresh = new_seeds(rows, rest, rounds.count - pace.first + 1)
            started_s = rounds.spent_s
            run_round(revisions, command, [*rest, *fresh], pace, rounds)
            lasted = rounds.spent_s - started_s
            say(
                f"round {rounds.count}, {len(rest)} configurations: {rounds.spent_s - free_from:.0f} s extra"
            )
        if rounds.count == before:
            break
        rows = look(rounds)
        rounds.looks += 1
    return rounds, rows


def open_cells(rows: Sequence[GateVerdict], cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells that further rounds could decide; none once something is worse."""
    if any(row.verdict == "worse" for row in rows):
        return []
    spots = {spot(row.cell) for row in rows if row.verdict == "ambiguous"}
    return [cell for cell in cells if spot(cell) in spots]


def new_seeds(rows: Sequence[GateVerdict], cells: Sequence[Cell], number: int) -> list[Cell]:
    """Return cells of a seed that was not run yet, where more cases would tell."""
    wanted = {spot(row.cell) for row in rows
              if row.verdict == "ambiguous" and row.evidence == "cases"}  # fmt: skip
    last = {spot(cell): cell for cell in sorted(cells, key=lambda cell: cell.seed)}
    return [
        replace(cell, seed=cell.seed + number) for where, cell in last.items() if where in wanted
    ]


def spot(cell: Cell) -> str:
    """Return what names an operating point, whatever its seed."""
    return replace(cell, seed=0).key


def run_round(
    revisions: Sequence[RevisionSetup],
    command: Command,
    cells: Sequence[Cell],
    pace: Pace,
    rounds: RoundRecords,
) -> None:
    """Run one round of the cells and add its records."""
    begun = time.monotonic()
    with start_workers(revisions, command) as workers:
        for worker in workers:
            worker.receive()
        addresses = sorted({cell.address for cell in cells})
        for worker in workers:  # both import at the same time; nothing is measured yet
            worker.send(load=addresses)
        for worker in workers:
            worker.receive()
            if worker.revision.plant:
                worker.request(plant=worker.revision.plant)
        ready = time.monotonic()  # starting up is not the cells' time
        for fork in range(pace.forks):
            for worker in workers:
                worker.request(fork=True)
            first = rounds.count * STRIDE + fork * WITHIN
            _fork(workers, cells, pace.cell_s / pace.forks, first, rounds)
            for worker in workers:
                worker.request(exit=True)
            if time.monotonic() - ready > pace.cell_s * len(cells):
                break
    rounds.count += 1
    rounds.spent_s += time.monotonic() - begun


def _fork(
    workers: Sequence[WorkerProcess],
    cells: Sequence[Cell],
    cell_s: float,
    first: int,
    rounds: RoundRecords,
) -> None:
    """Measure the cells with one pair of forks, task by task, again and again for their time."""
    for _, block in groupby(cells, key=lambda c: (c.task, c.seed, sorted(c.conditions.items()))):
        together = list(block)
        until = time.monotonic() + cell_s * len(together)
        for repeat in range(WITHIN):
            for cell in together:
                _lead(workers, cell, first + repeat, rounds)
            if time.monotonic() > until and first % STRIDE + repeat > 0:
                break  # not before each cell was seen twice: only then is a count exact


def _lead(workers: Sequence[WorkerProcess], cell: Cell, repeat: int, rounds: RoundRecords) -> None:
    """Lead both through the cell's cases side by side."""
    for worker in workers:
        worker.request(turn=[cell.to_json(), repeat])
    records = (rounds.base, rounds.head)
    going = [0, 1]
    step = repeat
    while going:
        step += 1
        for side in going if step % 2 else going[::-1]:
            answer = workers[side].request(step=True)
            if "ready" in answer:  # from the parent of a fork that is no more
                raise EnvironmentProblem(
                    f"A process of {workers[side].revision.label} died while it ran {cell.address}.",
                    f"adabench run {cell.address} --time-limit 60 shows what it dies of.",
                )
            if "end" in answer:
                going = [other for other in going if other != side]
            elif "record" in answer:
                records[side].append(record_from_json(answer["record"]))
