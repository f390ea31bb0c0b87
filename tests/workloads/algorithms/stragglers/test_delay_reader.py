"""Users' recorded delays: what is read, and what is said when it cannot be."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.stragglers.substrate.delay_reader import read_profile
from adabench.workloads.algorithms.stragglers.task import load
from tests.workloads.algorithms.reader_promises import LimitedReaderPromises


def table(rounds: int = 40, workers: int = 5, seed: int = 0) -> str:
    times = np.random.default_rng(seed).uniform(1, 3, (rounds, workers))
    return "\n".join(",".join(f"{t:.4f}" for t in row) for row in times) + "\n"


def read(path: Path, **more):
    asked = {"n": 256, "jobs": 10, "probe": 15, "alpha": 6.0, "mu": 1.0, "seed": 0, **more}
    return read_profile(str(path), **asked)


def test_a_profile_is_split_into_probe_and_test_and_scaled(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("# seconds\nw1,w2,w3,w4,w5\n\n" + table())
    profile = read(tmp_path / "a.csv")
    rows = np.array([[float(t) for t in line.split(",")] for line in table().split()])
    scaled = rows / np.median(rows)
    assert profile.case.group == "a.csv"
    assert profile.case.probe == pytest.approx(scaled[:15])
    assert profile.base == pytest.approx(scaled[15:])
    assert profile.case.n == 5


def test_zipped_and_marked_files_read_alike(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table())
    (tmp_path / "b.csv").write_text("\ufeff" + table(), encoding="utf-8")
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write(table())
    one, marked, zipped = (read(tmp_path / f) for f in ("a.csv", "b.csv", "a.csv.gz"))
    assert (one.base == marked.base).all()
    assert (one.case.probe == zipped.case.probe).all()


def test_more_workers_than_asked_for_are_drawn_by_the_seed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(40, 30))
    one, same, other = (read(tmp_path / "a.csv", n=6, seed=seed) for seed in (0, 0, 1))
    assert one.case.n == 6
    assert one.case.instance == same.case.instance != other.case.instance


@pytest.mark.slow
def test_ten_million_rows_are_refused_without_reading_them_all(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w") as file:
        for _ in range(1000):
            file.write("1.0,2.0\n" * 10_000)
    with pytest.raises(SelectionError, match="more than 1,000,000 rounds"):
        read(tmp_path / "a.csv")


def test_a_profile_runs_through_every_method(tmp_path: Path, methods, values) -> None:
    (tmp_path / "a.csv").write_text(table(60, 12))
    task = load("embedded", 0, delays=str(tmp_path / "a.csv"), jobs=10, probe=20)
    for name in methods:
        assert values(name, task)["a.csv"]["ratio"] >= 0.999 or name == "ignore_stragglers"


class TestProfiles(LimitedReaderPromises):
    name, condition, near = "stragglers", "delays", ("shorts", "short")
    bad = (
        *(
            ("", "holds no rounds"),
            ("# nothing\n\n", "holds no rounds"),
            ("a,b,c\n", "holds no rounds"),
            ("1.0\n2.0\n" * 20, "has one worker"),
            (table() + "1,2,-3,4,5\n", "Line 41 of .* a round takes more than no time"),
            (table() + "1,2,0,4,5\n", "a round takes more than no time"),
            (table() + "1,2,x,4,5\n", "Line 41 of .* has 'x', which is no finite number"),
            (table() + "1,2,,4,5\n", "has '', which is no finite number"),
            (table() + "1,2,nan,4,5\n", "'nan', which is no finite number"),
            (table() + "1,2,inf,4,5\n", "no finite number"),
            (table() + "1,2,1e300,4,5\n", "beyond all clocks"),
            (table() + "1,2,1_0,4,5\n", "no finite number"),
            (table() + "1,2,3,4\n", "Line 41 of .* has 4 cells, those before it 5"),
            (table() + "1,2,3,4,5,6\n", "has 6 cells"),
            ("<html><body>no profile</body></html>\n", "holds no rounds"),
            (table(12), "has 12 rounds"),
        ),
        (b"\xff\xfe\x00\x01\n\x80 1,2,3\n", "cannot be read as delays"),
    )
    long = tuple(table() + f"1,2,{word:0<100000},4,5\n" for word in ("x", "9", "-9", "0."))
    good, unreadable = table(400), "cannot be read as delays"
    limit = ("delay_reader.MOST_CELLS", 100, table(), "holds more than")

    def read(self, spec: str) -> object:
        return read(Path(spec))
