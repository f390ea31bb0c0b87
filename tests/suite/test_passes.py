"""When a pass holds: as long as nothing that a unit stands on has changed."""

from pathlib import Path

import pytest

from tests.suite.dependencies import read_dependencies
from tests.suite.passes import PassStore, environment, keys

from .conftest import FILES, House

SHARE, SHOW = "tests/harness/stats/test_share.py", "tests/cli/test_show.py"
LRU = "workloads/algorithms/paging/methods/lru.py"


def changed_units(house: House, name: str, text: str) -> set[str]:
    before = keys(read_dependencies(house()))
    after = keys(read_dependencies(house({name: text})))
    return {unit for unit in before if before[unit] != after.get(unit)}


def test_an_edit_changes_the_keys_of_what_it_reaches(house: House) -> None:
    found = changed_units(house, "harness/stats/share.py", "def share(k, n):\n    return 0.1\n")
    assert SHARE in found
    assert "tests/cli/test_loop.py" not in found


def test_prose_changes_none(house: House) -> None:
    text = '"""Shares."""\n' + FILES["harness/stats/share.py"] + "# the end\n"
    assert changed_units(house, "harness/stats/share.py", text) == set()


def test_data_and_settings_of_the_project_count(house: House) -> None:
    assert SHARE in changed_units(house, "harness/stats/table.json", "{1}")
    assert len(changed_units(house, "pyproject.toml", "[tool]\n")) > 5


def test_code_of_a_method_counts_where_it_runs_and_its_card_where_it_is_listed(
    house: House,
) -> None:
    conformance = "tests/test_conformance.py[paging/{}]".format
    code = changed_units(house, LRU, FILES[LRU].replace("X = 1", "X = 2"))
    assert {conformance("lru"), SHOW, "tests/workloads/algorithms/paging/test_cache.py"} <= code
    assert conformance("fifo") not in code
    card = changed_units(house, LRU, FILES[LRU].replace('Card("LRU")', 'Card("L")'))
    assert {conformance("lru"), conformance("fifo")} <= card


def test_a_fixture_counts_where_it_is_asked_for(house: House) -> None:
    text = FILES["tests/conftest.py"].replace("stats import share", "stats import share as s")
    assert changed_units(house, "tests/conftest.py", text) == {"tests/reports/test_shares.py"}


def test_a_verb_counts_with_its_help(house: House) -> None:
    text = '"""Show."""\n' + FILES["cli/commands/show.py"]
    assert changed_units(house, "cli/commands/show.py", text) == {SHOW}


def test_settings_of_the_machine_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before = environment.__wrapped__()
    monkeypatch.setenv("ADABENCH_CACHE", "/elsewhere")
    assert environment.__wrapped__() == before
    monkeypatch.setenv("ADABENCH_ANYTHING", "1")
    assert environment.__wrapped__() != before


def test_a_store_knows_what_was_added(tmp_path: Path) -> None:
    store = PassStore(tmp_path / "passes")
    assert not store.seen("abcdef")
    store.add("tests/a.py", "abcdef")
    assert store.seen("abcdef")
    assert not store.seen("abcdee")
    store.remove("abcdef")
    assert not store.seen("abcdef")


def test_a_store_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    PassStore(tmp_path / "file" / "passes").add("tests/a.py", "abcdef")
