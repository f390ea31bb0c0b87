"""A user's timestamped edge list: what it becomes, and what is said of a bad one."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.connectivity.substrate.edge_list_reader import read_updates
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream
from adabench.workloads.algorithms.connectivity.task import load
from tests.workloads.algorithms.reader_promises import LimitedReaderPromises


def read(folder: Path, text: str, name: str = "edges.txt") -> Stream:
    (folder / name).write_text(text, encoding="utf-8")
    return read_updates(str(folder / name), 0)


def changes(stream: Stream) -> list[tuple[int, int, int]]:
    return [
        (int(min(u, v)), int(max(u, v)), 1 if opens else -1)
        for u, v, opens in zip(stream.left, stream.right, stream.opens, strict=True)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "5 7 1 1\n7 9 2 1\n7 5 3 -1\n",
        "5,7,1,1\n7,9,2,1\n7,5,3,-1\n",
        "u,v,time,change\r\n5, 7, 1, 1\r\n7, 9, 2, 1\r\n7, 5, 3, -1\r\n",
        "# a comment\n% another\nu v time change\n\n7 5 3.0 -1\n5 7 1e0 +1\n\n7 9 2 1",
    ],
)
def test_changes_in_order_of_time(text: str, tmp_path: Path) -> None:
    stream = read(tmp_path, text)
    assert (stream.n, stream.group) == (3, "edges.txt")
    assert changes(stream) == [(0, 1, 1), (1, 2, 1), (0, 1, -1)]
    assert stream.edges.tolist() == [0, 1, 0]


def test_contacts_last_for_a_twentieth_of_the_span(tmp_path: Path) -> None:
    text = "1 2 0\n2 1 4\n3 1 8\n2 1 50\n4 5 100\n"
    # (1, 2) is heard of at 0 and 4, gone at 9; (1, 3) at 8, gone at 13; (1, 2) at 50 until 55.
    assert changes(read(tmp_path, text)) == [
        (0, 1, 1), (0, 2, 1), (0, 1, -1), (0, 2, -1), (0, 1, 1), (0, 1, -1), (3, 4, 1),
    ]  # fmt: skip


def test_plain_and_gzipped_are_the_same(tmp_path: Path) -> None:
    text = "1 2 0\n2 3 4\n"
    with gzip.open(tmp_path / "edges.gz", "wt") as file:
        file.write(text)
    packed = read_updates(str(tmp_path / "edges.gz"), 0)
    assert changes(packed) == changes(read(tmp_path, text))


def test_a_single_edge_is_a_stream(tmp_path: Path, run) -> None:
    (tmp_path / "one.txt").write_text("3 9 1\n")
    task = load("embedded", 0, updates=str(tmp_path / "one.txt"), noise=5.0)
    for name in ("predicted_updates", "spanning_forest", "rebuild"):
        (values,) = run(name, task)
        assert values["exactness"] == 1


def test_a_users_stream_is_one_case_for_all_methods(tmp_path: Path, run) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{u} {(u + d) % 30} {t}" for t, (u, d) in enumerate(rng.integers(1, 30, (300, 2)))]
    (tmp_path / "mine.txt").write_text("\n".join(r for r in rows if r.split()[0] != r.split()[1]))
    task = load("embedded", 0, updates=str(tmp_path / "mine.txt"), noise=10.0)
    answers = {
        run(name, task)[0]["answers"] for name in ("offline", "predicted_updates", "rebuild")
    }
    assert len(answers) == 1


TEXTS = ("", "1 2\n", "7 7 1\n", "1 2 3\n-4 5 6\n", "1.5 2 3\n", "1 2 nan\n", "1 2 3 2\n")


def test_a_run_on_a_bad_file_ends_with_a_sentence_and_leaves_no_run(
    tmp_path: Path, command
) -> None:
    bad, names_it = tmp_path / "bad.txt", []
    for text in TEXTS:  # what is refused in loading ends a run: one of them is run
        bad.write_text(text, encoding="utf-8")
        with pytest.raises(SelectionError) as refused:
            load("embedded", 0, updates=str(bad))
        names_it.append("bad.txt" in refused.value.message)
    assert names_it == [True] * len(TEXTS)
    done = command("run", "connectivity/rebuild", "--set", "updates=bad.txt", cwd=tmp_path)
    assert (done.returncode, "bad.txt" in done.stderr) == (2, True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [bad]


@pytest.mark.parametrize(
    "setting",
    ["n=1", "n=0", "n=-5", "n=2.5", "n=x", "rounds=0", "noise=-1", "noise=nan", "noise=inf"],
)
def test_sizes_that_make_no_sense_are_refused(setting: str, tmp_path: Path, command) -> None:
    done = command("run", "connectivity/rebuild", "--set", setting, cwd=tmp_path)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ten_million_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="more than 5,000,000 rows"):
        read(tmp_path, "1 2 3\n" * 10_000_000)


class TestEdgeLists(LimitedReaderPromises):
    name, condition, near = "connectivity", "updates", ("rimg", "ring")
    bad = (
        (b"", "holds no updates"),
        (b"# nothing\n\n", "holds no updates"),
        (b"u v time\n", "holds no updates"),
        (b"1 2\n", "has 2 columns where 3 or 4"),
        (b"1 2 3 4 5\n", "has 5 columns where 3 or 4"),
        (b"1 2 3\n4 5\n", "Line 2 .* has 2 columns, and the first row has 3"),
        (b"1 2 3\n4 5 6 1\n", "Line 2 .* has 4 columns, and the first row has 3"),
        (b"1 2 3\n4,5,6\n", "Line 2"),
        (b"1 2 3\n5 5 6\n", "Line 2 .* joins 5 to itself"),
        (b"7 7 1\n", "Line 1 .* joins 7 to itself"),
        (b"1 2 3\n-4 5 6\n", "Line 2 .* the negative id -4"),
        (b"1 2 3\n1.5 2 3\n", "Line 2 .* '1.5' as its u, which is no integer"),
        (b"a b 3\n", "Line 1 .* 'a' as its u, which is no number"),
        (b"1 2 x\n", "Line 1 .* 'x' as its time, which is no number"),
        (b"1 2 nan\n", "Line 1 .* not finite"),
        (b"1 2 inf\n3 4 5\n", "Line 1 .* not finite"),
        (b"99999999999999999999 2 3\n", "Line 1 .* too large"),
        (b"1 2 3\n1_0 2 3\n", "Line 2 .* '1_0' as its u, which is no number"),
        (b"1 2 1e308\n2 3 -1e308\n", "Line 1 .* the time 1e308, which is beyond all clocks"),
        (b"1 2 3 2\n", "Line 1 .* the change 2, which is neither 1 nor -1"),
        (b"1 2 3 1\n2 1 4 1\n", "Row 2 .* inserts an edge that is there at time 4"),
        (b"1 2 3 1\n4 5 4 -1\n", "Row 2 .* deletes an edge that is not there at time 4"),
        (b"\xff\xfe\x00 2 3\n", "Line 1"),
        (b"\x00\x01\x02", "columns where 3 or 4"),
    )
    long = tuple(
        row.format(word)
        for row in ("{} 2 3", "1 2 {}", "1 2 3 {}", "{0} {0} 3", "-{} 2 3")
        for word in ("1" * 100_000, "x" * 100_000)
    )
    good = "1 2 0\n2 3 4\n" * 99
    limit = ("edge_list_reader.MOST_ROWS", 100, "1 2 3\n" * 101, "more than 100 rows")

    def read(self, spec: str) -> Stream:
        return read_updates(spec, 0)
