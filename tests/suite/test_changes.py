"""What has been edited, as nodes, and the units that it reaches."""

from tests.suite.changes import changed_nodes, distances
from tests.suite.dependencies import card_of, read_dependencies
from tests.suite.passes import units

from .conftest import FILES, House, commit

SHARE, LRU = "harness/stats/share.py", "workloads/algorithms/paging/methods/lru.py"


def test_what_differs_from_the_last_commit_is_changed(house: House) -> None:
    commit(house().root)
    assert changed_nodes(house({SHARE: "def share(k, n):\n    return 2\n"})) == {SHARE}


def test_prose_is_no_change(house: House) -> None:
    commit(house().root)
    assert changed_nodes(house({SHARE: f'"""Shares."""\n{FILES[SHARE]}', LRU: FILES[LRU]})) == set()


def test_a_card_and_code_are_told_apart(house: House) -> None:
    commit(house().root)
    assert changed_nodes(house({LRU: FILES[LRU].replace("X = 1", "X = 2")})) == {LRU}
    both = changed_nodes(house({LRU: FILES[LRU].replace('Card("LRU")', 'Card("L")')}))
    assert both == {LRU, card_of(LRU)}


def test_a_new_file_is_a_change_and_a_clean_checkout_is_its_last_commit(house: House) -> None:
    commit(house().root)
    checkout = house({"harness/new.py": "X = 1\n"})
    assert changed_nodes(checkout) == {"harness/new.py", card_of("harness/new.py")}
    commit(checkout.root)
    assert changed_nodes(house({"harness/new.py": "X = 1\n"})) >= {"harness/new.py"}


def test_the_nearest_come_first(house: House) -> None:
    dependencies = read_dependencies(house())
    found = distances(dependencies, units(dependencies), {SHARE})
    assert found["tests/harness/stats/test_share.py"] == 1
    assert found["tests/harness/test_lazy.py"] > 1
    assert "tests/cli/test_loop.py" not in found
