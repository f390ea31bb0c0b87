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
from adabench.harness.gate.judge import Judged

FIRST = 8
LOOKS = 4
FORKS = 4
STRIDE = 1000
"""Repeats of round r are numbered from r * STRIDE, those of its fork f from there + f * WITHIN."""
WITHIN = 200
CELL_S = 2.0
"""What a cell may take of a round, both revisions together; at least one fork measures it once."""


@dataclass(frozen=True)
class Corner:
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
class Taken:
    """What was measured of both revisions so far."""

    base: list[Record] = field(default_factory=list)
    head: list[Record] = field(default_factory=list)
    rounds: int = 0
    looks: int = 0
    spent_s: float = 0.0


class Arm:
    """A process of one revision, spoken to in lines of JSON (`cli/arm.py`)."""

    def __init__(self, corner: Corner, script: Path, talk: IO[bytes]) -> None:
        self.corner, self._talk = corner, talk
        # -P keeps the folder of the script, and the working directory, off sys.path.
        self._process = subprocess.Popen(
            [corner.python, "-P", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=talk,
            env={**corner.environ} or None,
            text=True,
        )

    def hear(self) -> dict[str, Any]:
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
                f"The process of {self.corner.label} ended: {' '.join(last) or 'no message'}.",
                "Its dependencies may be others than those installed here: try --install full.",
            )
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            message, hint, code = answer["refused"]
            kinds = {2: SelectionError, 4: MethodContractError}
            raise kinds.get(code, EnvironmentProblem)(f"{self.corner.label}: {message}", hint)
        return answer

    def tell(self, **order: Any) -> None:
        """Give an order; `hear` brings its answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: `hear` says why

    def ask(self, **order: Any) -> dict[str, Any]:
        """Give an order and return its answer."""
        self.tell(**order)
        return self.hear()

    def end(self) -> None:
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
def started(corners: Sequence[Corner], script: Path) -> Iterator[list[Arm]]:
    """Start a process of every revision; all end at the end."""
    with ExitStack() as stack:
        arms = []
        for corner in corners:
            talk = stack.enter_context(TemporaryFile())
            arms.append(Arm(corner, script, talk))
            stack.callback(arms[-1].end)
        yield arms


def measure(
    corners: Sequence[Corner],
    script: Path,
    cells: Sequence[Cell],
    pace: Pace,
    look: Callable[[Taken], list[Judged]],
    say: Callable[[str], None],
) -> tuple[Taken, list[Judged]]:
    """Run the first rounds, look, and run further rounds for what is ambiguous."""
    taken = Taken()
    for _ in range(pace.first):
        play(corners, script, cells, pace, taken)
        say(f"round {taken.rounds} of {pace.first}: {taken.spent_s:.0f} s")
    free_from = taken.spent_s
    judged = look(taken)
    taken.looks = 1
    while taken.looks < pace.looks and open_cells(judged, cells):
        left = pace.budget_s - (taken.spent_s - free_from)
        until = taken.spent_s + left / (pace.looks - taken.looks)
        rest = open_cells(judged, cells)
        before = taken.rounds
        # A round takes about as long as the last one did: none is begun that would not fit.
        lasted = 0.0
        while taken.spent_s + lasted < until or (before == taken.rounds and left > 0):
            fresh = new_seeds(judged, rest, taken.rounds - pace.first + 1)
            started_s = taken.spent_s
            play(corners, script, [*rest, *fresh], pace, taken)
            lasted = taken.spent_s - started_s
            say(f"round {taken.rounds}, {len(rest)} cells: {taken.spent_s - free_from:.0f} s extra")
        if taken.rounds == before:
            break
        judged = look(taken)
        taken.looks += 1
    return taken, judged


def open_cells(judged: Sequence[Judged], cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells that further rounds could decide; none once something is worse."""
    if any(row.verdict == "worse" for row in judged):
        return []
    spots = {spot(row.cell) for row in judged if row.verdict == "ambiguous"}
    return [cell for cell in cells if spot(cell) in spots]


def new_seeds(judged: Sequence[Judged], cells: Sequence[Cell], number: int) -> list[Cell]:
    """Return cells of a seed that was not run yet, where more cases would tell."""
    wanted = {spot(row.cell) for row in judged
              if row.verdict == "ambiguous" and row.evidence == "cases"}  # fmt: skip
    last = {spot(cell): cell for cell in sorted(cells, key=lambda cell: cell.seed)}
    return [
        replace(cell, seed=cell.seed + number) for where, cell in last.items() if where in wanted
    ]


def spot(cell: Cell) -> str:
    """Return what names an operating point, whatever its seed."""
    return replace(cell, seed=0).key


def play(
    corners: Sequence[Corner], script: Path, cells: Sequence[Cell], pace: Pace, taken: Taken
) -> None:
    """Run one round of the cells and add its records."""
    begun = time.monotonic()
    with started(corners, script) as arms:
        for arm in arms:
            arm.hear()
        addresses = sorted({cell.address for cell in cells})
        for arm in arms:  # both import at the same time; nothing is measured yet
            arm.tell(load=addresses)
        for arm in arms:
            arm.hear()
            if arm.corner.plant:
                arm.ask(plant=arm.corner.plant)
        ready = time.monotonic()  # starting up is not the cells' time
        for fork in range(pace.forks):
            for arm in arms:
                arm.ask(fork=True)
            first = taken.rounds * STRIDE + fork * WITHIN
            _fork(arms, cells, pace.cell_s / pace.forks, first, taken)
            for arm in arms:
                arm.ask(exit=True)
            if time.monotonic() - ready > pace.cell_s * len(cells):
                break
    taken.rounds += 1
    taken.spent_s += time.monotonic() - begun


def _fork(
    arms: Sequence[Arm], cells: Sequence[Cell], cell_s: float, first: int, taken: Taken
) -> None:
    """Measure the cells with one pair of forks, task by task, again and again for their time."""
    for _, block in groupby(cells, key=lambda c: (c.task, c.seed, sorted(c.conditions.items()))):
        together = list(block)
        until = time.monotonic() + cell_s * len(together)
        for repeat in range(WITHIN):
            for cell in together:
                _lead(arms, cell, first + repeat, taken)
            if time.monotonic() > until:
                break


def _lead(arms: Sequence[Arm], cell: Cell, repeat: int, taken: Taken) -> None:
    """Lead both through the cell's cases side by side."""
    for arm in arms:
        arm.ask(turn=[cell.to_json(), repeat])
    kept = (taken.base, taken.head)
    going = [0, 1]
    step = repeat
    while going:
        step += 1
        for side in going if step % 2 else going[::-1]:
            answer = arms[side].ask(step=True)
            if "ready" in answer:  # from the parent of a fork that is no more
                raise EnvironmentProblem(
                    f"A process of {arms[side].corner.label} died while it ran {cell.address}.",
                    f"adabench run {cell.address} --timeout 60 shows what it dies of.",
                )
            if "end" in answer:
                going = [other for other in going if other != side]
            elif "record" in answer:
                kept[side].append(record_from_json(answer["record"]))
