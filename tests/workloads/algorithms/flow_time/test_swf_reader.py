"""Users' job logs: what is read, and what is said when it cannot be."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.flow_time.substrate.job_streams import GRID
from adabench.workloads.algorithms.flow_time.substrate.swf_reader import read_log
from adabench.workloads.algorithms.flow_time.task import load
from tests.workloads.algorithms.reader_promises import LimitedReaderPromises

HEAD = "; UnixStartTime: 0\n; MaxProcs: 128\n"


def line(number, submit, run, rest="-1") -> str:
    return f"{number} {submit} 3 {run} 4 " + " ".join([rest] * 13) + "\n"


LOG = HEAD + line(1, 0, 10) + line(2, 5, 30) + line(3, 20, 20)


def read(path: Path, **more):
    return read_log(str(path), **{"jobs": 100, "m": 3, "load": 0.5, "seed": 0, **more})


def test_a_log_is_scaled_to_the_load_and_cut_into_stages(tmp_path: Path) -> None:
    (tmp_path / "a.swf").write_text(LOG)
    stream = read(tmp_path / "a.swf")
    assert stream.case.group == "a.swf"
    assert stream.totals == pytest.approx([0.5, 1.5, 1.0], abs=4 / GRID)
    assert stream.arrive == pytest.approx([0.0, 1.5, 6.0], abs=1 / GRID)
    assert stream.ops.sum() / stream.arrive[-1] == pytest.approx(0.5, rel=1e-5)
    assert np.diff(stream.first).max() <= 3
    with gzip.open(tmp_path / "a.swf.gz", "wt") as file:
        file.write(LOG)
    zipped = read(tmp_path / "a.swf.gz")
    assert zipped.totals == pytest.approx(stream.totals, abs=4 / GRID)


def test_stages_are_cut_anew_by_seed_and_alike_by_the_same(tmp_path: Path) -> None:
    lines = "".join(line(i, 10 * i, 1 + i % 7) for i in range(1, 200))
    (tmp_path / "a.swf").write_text(lines)
    one, same, other = (read(tmp_path / "a.swf", seed=seed, jobs=1000) for seed in (0, 0, 1))
    assert one.case.instance == same.case.instance != other.case.instance
    assert one.totals == pytest.approx(other.totals, abs=4 / GRID)
    counts = np.bincount(np.diff(one.first), minlength=4)[1:4]
    assert counts.min() > 30


def test_a_long_log_gives_a_window(tmp_path: Path) -> None:
    lines = "".join(line(i, 10 * i, 1 + i % 7) for i in range(1, 500))
    (tmp_path / "a.swf").write_text(lines)
    windows = [read(tmp_path / "a.swf", seed=seed, jobs=50, m=1) for seed in range(3)]
    assert [stream.case.n_jobs for stream in windows] == [50] * 3
    assert len({tuple(np.round(stream.totals, 3)) for stream in windows}) > 1


def test_jobs_that_never_ran_are_left_out_and_short_ones_kept(tmp_path: Path) -> None:
    (tmp_path / "a.swf").write_text(LOG + line(4, 30, -1) + line(5, 40, 0))
    assert read(tmp_path / "a.swf", m=1).case.n_jobs == 4
    assert (read(tmp_path / "a.swf").ops > 0).all()


def test_late_lines_are_sorted_in(tmp_path: Path) -> None:
    (tmp_path / "a.swf").write_text(line(1, 20, 20) + line(2, 0, 10) + line(3, 5, 30))
    assert read(tmp_path / "a.swf", m=1).totals == pytest.approx([0.5, 1.5, 1.0], abs=1e-5)


@pytest.mark.slow
def test_ten_million_rows_are_refused_without_reading_them_all(tmp_path: Path) -> None:
    block = line(1, 0, 10) * 10_000
    with (tmp_path / "a.swf").open("w") as file:
        for _ in range(1000):
            file.write(block)
    with pytest.raises(SelectionError, match="more than 1,000,000 jobs"):
        read(tmp_path / "a.swf")


def test_a_log_runs_through_every_method(tmp_path: Path, methods, values) -> None:
    rng = np.random.default_rng(0)
    submit = np.cumsum(rng.exponential(10, 80)).astype(int)
    lines = "".join(line(i, s, int(rng.pareto(1.2) * 10)) for i, s in enumerate(submit))
    (tmp_path / "a.swf").write_text(HEAD + lines)
    task = load("embedded", 0, trace=str(tmp_path / "a.swf"))
    for name in methods:
        assert values(name, task)["a.swf"]["ratio"] >= 1


class TestLogs(LimitedReaderPromises):
    name, condition, near = "flow_time", "trace", ("bursts", "burst")
    bad = (
        *(
            ("", "holds 0 jobs"),
            (HEAD, "holds 0 jobs"),
            (line(1, 0, 10), "holds 1 jobs that ran"),
            (line(1, 0, -1) + line(2, 4, -1), "holds 0 jobs that ran"),
            (line(1, 0, 10) + line(2, 5, -3), "Line 2 of .* has a negative run time"),
            (line(1, 0, 10) + line(2, -5, 3), "Line 2 of .* has a negative submit time"),
            (line(1, 0, 10) + line("1.5", 5, 3), "a job number that is no integer"),
            (line(1, 0, 10) + line("x7", 5, 3), "Line 2 of .* has the job number 'x7'"),
            (line(1, 0, 10) + line(-2, 5, 3), "a negative job number"),
            (line(1, 0, 10) + line(2, 5, "nan"), "run time 'nan', which is no finite number"),
            (line(1, 0, 10) + line(2, 5, "inf"), "no finite number"),
            (line(1, 0, 10) + line(2, 5, "1e300"), "a time beyond all clocks"),
            (line(1, 0, 10) + line(2, "1e15", 3), "a time beyond all clocks"),
            (line(1, 7, 10) + line(2, 7, 3), "all its jobs at one time"),
            ("1 0\n2 5\n", "Line 1 of .* has 2 fields"),
            (LOG + "4 50\n", "Line 6 of .* has 2 fields"),
            (LOG + " ".join("9" * 25) + "\n", "Line 6 of .* has 25 fields"),
            ("<html><body>no log</body></html>\n", "Line 1 of .* has 2 fields"),
            (line("1_0", 0, 1), "no finite number"),
        ),
        (b"\xff\xfe\x00\x01\n\x80 1 2 3\n", "cannot be read as a job log"),
    )
    good, unreadable = LOG * 99, "cannot be read as a job log"
    long = tuple(
        LOG + line(*row)
        for sign in "9x-"
        for row in ((sign * 100_000, 5, 3), (4, sign * 100_000, 3))
    )
    limit = ("swf_reader.MOST", 2, LOG, "more than 2 jobs")

    def read(self, spec: str) -> object:
        return read(Path(spec))
