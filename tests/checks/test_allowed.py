"""The allow-list lets pass what it says, and nothing else, and only shrinks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from checks.__main__ import complain, count, main
from checks.allowed import Entry, complaints, read_entries
from checks.offence import Offence
from checks.tree import Tree

ROOT = Path(__file__).parents[2]
Product = Callable[[dict[str, str]], Tree]
LONG = [Offence("file-lines", "harness/a.py", "a is long.", 500),
        Offence("file-lines", "harness/b.py", "b is long.", 450)]  # fmt: skip


def test_without_an_entry_the_offence_speaks() -> None:
    assert list(complaints(LONG, ())) == ["a is long.", "b is long."]


@pytest.mark.parametrize(
    "entries",
    [
        (Entry("file-lines", "harness/*", 18, count=2, size=500),),
        (Entry("file-lines", "harness/a.py", 18, size=500),
         Entry("file-lines", "harness/b.py", 18, size=450)),
    ],
)  # fmt: skip
def test_an_exact_entry_lets_pass(entries: tuple[Entry, ...]) -> None:
    assert list(complaints(LONG, entries)) == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entry("file-lines", "harness/*", 18, count=3, size=500), "only count = 2, size = 500"),
        (Entry("file-lines", "harness/*", 18, count=2, size=600), "only count = 2, size = 500"),
        (Entry("file-lines", "harness/*", 18, count=1, size=500), "only shrinks"),
        (Entry("file-lines", "harness/*", 18, count=2, size=499), "only shrinks"),
        (Entry("file-lines", "cli/*", 18, count=1, size=500), "Delete the entry"),
        (Entry("truth", "harness/*", 18), "Delete the entry"),
    ],
)
def test_an_entry_that_is_not_exact_is_a_complaint(entry: Entry, words: str) -> None:
    assert any(words in sentence for sentence in complaints(LONG, (entry,)))


@pytest.mark.parametrize(
    ("size", "words"), [(440, "only"), (460, ""), (500, ""), (545, ""), (560, "only shrinks")]
)
def test_what_is_measured_may_scatter(size: int, words: str) -> None:
    entry = Entry("test-costs", "task *", 35, count=2, size=500, scatter=0.1)
    there = [Offence("test-costs", f"task {name}", "it takes long.", size) for name in "ab"]
    found = " ".join(complaints(there, (entry,)))
    assert words in found
    assert bool(found) == bool(words)
    assert bool(list(complaints(there[:1], (entry,)))) == bool(words)  # one may lie at its budget
    assert list(complaints([*there, there[0]], (entry,)))


def test_an_entry_that_is_too_small_names_the_places() -> None:
    told = list(complaints(LONG, (Entry("file-lines", "harness/*", 18, count=1, size=500),)))
    assert told[:2] == ["a is long.", "b is long."]


def test_the_list_has_room_for_so_many_entries() -> None:
    offences = [Offence("truth", f"workloads/{i}.py", "") for i in range(16)]
    entries = tuple(Entry("truth", offence.where, 18) for offence in offences)
    [sentence] = complaints(offences, entries)
    assert "has 16 entries, and 15 are allowed" in sentence


def test_an_entry_needs_an_issue(tmp_path: Path) -> None:
    (tmp_path / "checks").mkdir()
    row = '[[allowed]]\ncheck = "truth"\nwhere = "x"\n'
    (tmp_path / "checks" / "allowed.toml").write_text(row)
    with pytest.raises(ValueError, match="It needs check, where and issue"):
        read_entries(tmp_path)


def test_our_own_list_can_be_read() -> None:
    assert len(read_entries(ROOT)) <= 15


def test_a_checkout_is_checked_from_end_to_end(
    product: Product, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = product({})
    files = {"workloads/algorithms/paging/task.py", "workloads/algorithms/paging/methods/lru.py"}
    assert not [line for line in complain(clean) if any(name in line for name in files)]
    root = product({"harness/x.py": "x = 1\n" * 401}).root
    monkeypatch.setattr("sys.argv", ["checks", "--root", str(root)])
    assert main() == 1
    shown = capsys.readouterr().out
    assert "harness/x.py has 401 lines" in shown
    assert "harness/x.py is reached from no verb" in shown
    assert "    1 file-lines in harness" in count(root)
