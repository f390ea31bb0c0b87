"""Users' traces: what is read, and what is said when it cannot be."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.paging.substrate.trace_reader import read_trace
from adabench.workloads.algorithms.paging.task import load
from tests.workloads.algorithms.reader_promises import ReaderPromises


def numbers(spec: Path | str) -> list[int]:
    return read_trace(str(spec), 2, 0).pages.tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7\n9\n7\n", [0, 1, 0]),
        ("7\n9\n007", [0, 1, 0]),
        ("7\r\n9\r\n7\r\n", [0, 1, 0]),
        ("-3\n12345678901\n-3\n", [0, 1, 0]),
        ("a\nb\na\n", [0, 1, 0]),
        ("7\nx\n007\n", [0, 1, 2]),
        ("18446744073709551615\n1\n18446744073709551615\n", [0, 1, 0]),
        ('GET /a,b "c\n/d e\nGET /a,b "c\n', [0, 1, 0]),
        ("NaN\n\u00fc\nNaN\n", [0, 1, 0]),
        ("single\n", [0]),
    ],
)
def test_one_id_a_line(text: str, expected: list[int], tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(text, encoding="utf-8", newline="")
    assert numbers(tmp_path / "t.txt") == expected
    with gzip.open(tmp_path / "t.gz", "wt", encoding="utf-8", newline="") as file:
        file.write(text)
    assert numbers(tmp_path / "t.gz") == expected


def test_bytes_that_are_no_text_are_ids_too(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"\xff\xfe1\nb\n\xff\xfe1\n")
    assert numbers(tmp_path / "t") == [0, 1, 0]


def test_a_column_of_a_csv(tmp_path: Path) -> None:
    text = 'time,"the url",size\n1,"/a,b",3\n2,/c,3\n3,"/a,b",3\n'
    (tmp_path / "t.csv").write_text(text)
    with gzip.open(tmp_path / "u.csv.gz", "wt") as file:
        file.write(text)
    assert numbers(f"{tmp_path}/t.csv:the url") == [0, 1, 0]
    assert numbers(f"{tmp_path}/u.csv.gz:size") == [0, 0, 0]


def test_a_csv_with_one_column_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("page\n5\n6\n5\n")
    assert numbers(tmp_path / "t.csv") == [0, 1, 0]


def test_an_error_names_a_few_of_many_columns(tmp_path: Path) -> None:
    names = ["x" * 1000, *(f"column{i}" for i in range(5000))]
    (tmp_path / "t.csv").write_text(",".join(names) + "\n" + "1," * 5000 + "1\n")
    for spec in (f"{tmp_path}/t.csv", f"{tmp_path}/t.csv:y"):
        with pytest.raises(SelectionError) as caught:
            read_trace(spec, 2, 0)
        assert len(f"{caught.value} {caught.value.hint}") < 2 * len(str(tmp_path)) + 400


def test_a_users_trace_is_one_case_used_whole(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("a\nb\nc\na\n")
    (case,) = load("embedded", 0, trace=str(tmp_path / "mine.txt"), requests=2, slots=2).cases()
    assert (case.group, case.pages.tolist(), case.n_pages) == ("mine.txt", [0, 1, 2, 0], 3)


def test_a_bad_file_ends_a_run_with_nothing_written(tmp_path: Path, command) -> None:
    (tmp_path / "t.txt").write_text("1\n\n2\n")
    trace, out = f"trace={tmp_path / 't.txt'}", tmp_path / "out"
    done = command("run", "paging/lru", "--set", trace, "--out", out)
    assert done.returncode == 2
    assert "is blank" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_ten_million_rows_are_read(tmp_path: Path) -> None:
    ids = np.random.default_rng(0).integers(1_000_000, size=10_000_000)
    (tmp_path / "t.txt").write_text("\n".join(map(str, ids.tolist())) + "\n")
    trace = read_trace(str(tmp_path / "t.txt"), 100, 0)
    assert len(trace.pages) == 10_000_000
    assert trace.n_pages == len(np.unique(ids))


class TestTraces(ReaderPromises):
    name, condition, near = "paging", "trace", ("zipff", "zipf")
    bad = (
        ("", "no page ids", "t.txt", "one page id a line"),
        ("1\n\n2\n", "Entry 2 .* is blank", "t.txt", "blank lines"),
        ("a\nb\n   \n", "Entry 3 .* is blank", "t.txt", "blank lines"),
        ("", "is empty", "t.csv:url", "header"),
        ("url,size\n", "no page ids", "t.csv:url", "one page id"),
        ("url,size\n1,2\n", "no column 'ulr'", "t.csv:ulr", "url"),
        ("url,size\n1,2\n", "none was named", "t.csv", "url, size"),
        ("url,size\n1,2\n,3\n", "Entry 2 .* is blank", "t.csv:url", "blank lines"),
        ("not gzip", "cannot be read", "t.gz", "one page id a line"),
        ("not gzip", "cannot be read", "t.csv.gz:url", "CSV"),
    )

    good = "1\n2\n" * 99

    def read(self, spec: str) -> object:
        return read_trace(spec, 2, 0)
