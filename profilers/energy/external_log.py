"""An external meter: its log of timestamped watts, a CSV file.

Any wall meter, power strip or analyser that writes a line with a time and a power is a meter
here. The header names the columns: `unix_s` (seconds since 1970) or `time` (ISO 8601 with its
offset from UTC), and `watts`. The log may still be growing while it is read.
See `docs/log/instruments.md`.
"""

import csv
import itertools
import math
import time
from datetime import datetime
from pathlib import Path

from adabench.profilers.energy.meter import Counts, NoValue
from adabench.profilers.energy.power_samples import Sample, integrate, interval_s
from adabench.profilers.nvml import Unmetered, Witness

CLOCK_U_S = 0.2


class External:
    """The log of an external meter.

    Args:
        path: the CSV file.
        scope: what it is plugged into: `node` (the wall) or `gpu_board` (a riser card).
        u_rel: its relative standard uncertainty, from its data sheet.
        kind: `measured.wall`, `measured.pdu` or `measured.bmc`.

    Raises:
        Unmetered: if the file is missing or is not such a log.
    """

    max_window_s = float("inf")
    stepping = False

    def __init__(
        self, path: Path, *, scope: str = "node", u_rel: float = 0.01, kind: str = "measured.wall"
    ) -> None:
        self.key = f"energy_{scope}_j"
        self.kind, self.scope, self.u_rel, self.path = kind, scope, u_rel, path
        self._anchor_ns = (time.perf_counter_ns(), time.time_ns())
        self.lag_s = interval_s(read_log(path))
        self.min_window_s = max(2.0, 20 * self.lag_s)

    def counts(self) -> Counts:
        """Return the time, in nanoseconds since 1970."""
        monotonic_ns, unix_ns = self._anchor_ns
        return (unix_ns + time.perf_counter_ns() - monotonic_ns,)

    def joules(self, before: Counts, after: Counts) -> float:
        """Integrate the log between two times.

        Raises:
            NoValue: if the log does not cover them (yet), or is damaged since it was opened.
        """
        try:
            return integrate(read_log(self.path), before[0], after[0])
        except Unmetered as damaged:
            raise NoValue(str(damaged)) from damaged

    def clock_u_j(self, before: Counts, after: Counts, clock_u_s: float = CLOCK_U_S) -> float:
        """Return what clocks apart by `clock_u_s` can make of the window, as the power varied."""
        reach_ns = round(clock_u_s * 1e9)
        near = [
            sample.watts
            for sample in read_log(self.path)
            if before[0] - reach_ns <= sample.ns <= after[0] + reach_ns
        ]
        return clock_u_s * (max(near) - min(near)) if near else 0.0

    def witness(self) -> Witness | None:
        """Return None: a wall meter sees joules and nothing else."""
        return None


def read_log(path: Path) -> list[Sample]:
    """Read timestamped watts in order of time; an unfinished last line is left out.

    Raises:
        Unmetered: if the file can't be read, is not such a log, holds a power that is not finite or
            is negative, or a time that is not after the one before (its clock was set back).
    """
    remedy = "It takes a header with `unix_s` or `time` (ISO 8601 with offset), and `watts`."
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(line for line in file if line.endswith("\n")))
        samples = [_sample(row) for row in rows]
        for earlier, later in itertools.pairwise(samples):
            if later.ns <= earlier.ns:
                raise ValueError(f"its time does not go on at unix_s {later.ns / 1e9:.3f}")
    except OSError as problem:
        raise Unmetered(f"The meter's log can't be read: {problem.strerror}.", remedy) from problem
    except (KeyError, TypeError, ValueError, OverflowError, csv.Error) as problem:
        raise Unmetered(f"{path.name} is no log of a power meter: {problem}.", remedy) from problem
    if len(samples) < 2:
        raise Unmetered(f"{path.name} holds fewer than two samples.", remedy)
    return samples


def _sample(row: dict[str, str]) -> Sample:
    watts = float(row["watts"])
    if not (math.isfinite(watts) and watts >= 0):
        raise ValueError(f"{row['watts']} is no power")
    if "unix_s" in row:
        return Sample(round(float(row["unix_s"]) * 1e9), watts)
    moment = datetime.fromisoformat(row["time"])
    if moment.tzinfo is None:
        raise ValueError(f"the time {row['time']} has no offset from UTC")
    return Sample(round(moment.timestamp() * 1e9), watts)
