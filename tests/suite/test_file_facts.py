"""What a file says: prose does not count, what runs does."""

from pathlib import Path

from tests.suite.file_facts import FactStore, parse

SOURCE = b'''"""A module."""
from typing import TYPE_CHECKING
import pytest
if TYPE_CHECKING:
    from adabench.harness import types_alone
CARD = Card("LRU", tasks=("chain", "text"))
@pytest.fixture(autouse=True)
def clean(tmp_path):
    import adabench.harness.store
def area(r):
    """An area."""
    return 3 * r
'''


def test_prose_is_no_code() -> None:
    edited = SOURCE.replace(b"A module.", b"Another.").replace(b"An area.", b"Area!\n    More.")
    assert parse(edited + b"# a comment\n").code == parse(SOURCE).code


def test_what_runs_is_code() -> None:
    assert parse(SOURCE.replace(b"3 * r", b"4 * r")).code != parse(SOURCE).code
    assert parse(SOURCE.replace(b"import pytest", b"import pytest as p")).code != parse(SOURCE).code


def test_a_card_is_its_own_digest_with_the_essay() -> None:
    same = parse(SOURCE.replace(b"3 * r", b"4 * r"))
    assert same.card == parse(SOURCE).card != ""
    assert parse(SOURCE.replace(b'"LRU"', b'"FIFO"')).card != same.card
    assert parse(SOURCE.replace(b"A module.", b"Another.")).card != same.card
    assert parse(b"X = 1").card == ""


def test_fixtures_and_tasks_are_told_apart() -> None:
    facts = parse(SOURCE)
    assert facts.tasks == ("chain", "text")
    assert facts.fixtures["clean"].autouse
    assert (0, "adabench.harness.store", "") in facts.fixtures["clean"].facts.imports
    assert (0, "adabench.harness.store", "") not in facts.top.imports
    assert "tmp_path" in facts.fixtures["clean"].facts.parameters


def test_imports_for_type_checkers_and_docstrings_are_not_seen() -> None:
    facts = parse(SOURCE)
    assert not any("types_alone" in name for _, _, name in facts.top.imports)
    assert not any("area." in text for text in facts.top.texts)


def test_a_file_that_is_no_python_is_its_text() -> None:
    assert parse(b"def (").code != parse(b"def [").code


def test_facts_are_stored_and_a_damaged_store_is_empty(tmp_path: Path) -> None:
    path, place = tmp_path / "a.py", tmp_path / "facts.json"
    path.write_bytes(SOURCE)
    first = FactStore(place)
    found = first.read(path)
    first.save()
    assert FactStore(place).read(path) == found
    place.write_text('{"scheme": 1')
    assert FactStore(place).read(path) == found


def test_what_is_stored_is_what_was_parsed(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(SOURCE)
    store, plain = FactStore(tmp_path / "facts.json"), parse(SOURCE)
    read = store.read(path)
    assert (read.code, read.card, read.tasks) == (plain.code, plain.card, plain.tasks)
    assert read.top.imports == plain.top.imports
    assert plain.top.texts <= read.top.texts


def test_the_name_of_a_parameter_is_no_word_of_a_test() -> None:
    facts = parse(
        b"import pytest\n"
        b'@pytest.mark.parametrize(("text", "says"), [("chain", "it")])\n'
        b"def test_it(text, says):\n    assert text != says\n"
    )
    assert facts.top.texts == {"chain", "it"}
    assert {"text", "says"} <= facts.top.names
