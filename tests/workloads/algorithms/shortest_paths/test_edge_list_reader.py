"""Users' graphs: what is read, and what is said when it cannot be."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.shortest_paths.substrate.edge_list_reader import read_graph
from adabench.workloads.algorithms.shortest_paths.task import load
from tests.workloads.algorithms.reader_promises import RowReaderPromises


def size(path: Path) -> tuple[int, int]:
    graph = read_graph(path, ("suite",))
    return graph.vertices, graph.edges


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 1\n1 2\n", (3, 2)),
        ("0\t1\n1\t2", (3, 2)),
        ("0,1\r\n1,2\r\n", (3, 2)),
        ("# a comment\n% another\n7 9\n\n9 12\n", (3, 2)),
        ("0 1\n1 0\n0 1\n1 1\n", (2, 1)),
        ("0 1\n5 6\n6 7\n", (3, 2)),
        ("999999999999999999 1\n", (2, 1)),
        ("3 3\n3 4\n", (2, 1)),
        ("\ufeff0 1\n1 2\n", (3, 2)),
    ],
)
def test_an_edge_list(text: str, expected: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "g.txt").write_text(text, encoding="utf-8", newline="")
    assert size(tmp_path / "g.txt") == expected
    with gzip.open(tmp_path / "g.gz", "wt", encoding="utf-8", newline="") as file:
        file.write(text)
    assert size(tmp_path / "g.gz") == expected


def test_lines_are_named_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from adabench.workloads.algorithms.shortest_paths.substrate import edge_list_reader

    monkeypatch.setattr(edge_list_reader, "BLOCK_BYTES", 64)
    (tmp_path / "g.txt").write_text("1 2\n" * 500 + "1 -2\n")
    with pytest.raises(SelectionError, match=r"Line 501 .* negative"):
        read_graph(tmp_path / "g.txt", ())
    (tmp_path / "g.txt").write_text("# c\n" + "".join(f"{i} {i + 1}\n" for i in range(500)))
    assert size(tmp_path / "g.txt") == (501, 500)


def test_a_users_graph_is_one_case(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("1 2\n2 3\n3 4\n")
    (case,) = load("embedded", 0, graph=str(tmp_path / "mine.txt"), pairs=9).cases()
    assert (case.group, case.graph.vertices, case.pairs.shape) == ("mine.txt", 4, (9, 2))
    assert (case.pairs[:, 0] != case.pairs[:, 1]).all()


def test_a_bad_file_ends_a_run_with_no_record_and_no_report(tmp_path: Path, command) -> None:
    (tmp_path / "g.txt").write_text("1 2\n3 -4\n")
    graph, out = f"graph={tmp_path / 'g.txt'}", tmp_path / "out"
    done = command("run", "shortest_paths/bibfs", "--set", graph, "--out", out)
    assert done.returncode == 2
    assert "negative id: -4" in done.stderr
    written = {path.name: path.stat().st_size for path in (tmp_path / "out").glob("*")}
    assert not written.get("records.jsonl")
    assert "report.html" not in written


@pytest.mark.slow
def test_ten_million_rows_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with (tmp_path / "g.txt").open("wb") as file:
        for _ in range(100):
            edges = rng.integers(1_000_000, size=(100_000, 2))
            file.write(b"\n".join(b"%d %d" % (a, b) for a, b in edges.tolist()) + b"\n")
    vertices, edges = size(tmp_path / "g.txt")
    assert vertices > 999_000
    assert edges > 9_900_000


class TestEdgeLists(RowReaderPromises):
    name, condition, near = "shortest_paths", "graph", ("gird", "grid")
    bad = (
        (b"", "holds no edges"),
        (b"\n\n# nothing\n", "holds no edges"),
        (b"5\n", "Line 1 .* has 1 fields"),
        (b"5 5\n", "loops only"),
        (b"1 2\n3 3\n4 5 6\n", "Line 3 .* has 3 fields"),
        (b"1 2\n3 -4\n", "Line 2 .* negative id: -4"),
        (b"1 2\n3 4.5\n", "Line 2 .* no integer: '4.5'"),
        (b"1 2\na b\n", "Line 2 .* no integer: 'a'"),
        (b"1 2\n1e3 4\n", "Line 2 .* no integer: '1e3'"),
        (b"1 2\nnan 4\n", "no integer"),
        (b"1 2\n1 9999999999999999999999\n", "Line 2 .* beyond 10\\^18"),
        (b"\x00\xff\xfe 3\n", "no integer"),
        ("1 2\n٣ 4\n".encode(), "no integer"),
        ("1 2\n\ufeff3 4\n".encode(), "Line 2 .* no integer"),
    )
    good = "1 2\n" * 99
    long = tuple(f"1 2\n1 {sign * 100_000}\n" for sign in "1x-.")

    def read(self, spec: str) -> object:
        return self.load(spec)
