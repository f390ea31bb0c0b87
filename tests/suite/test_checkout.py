"""The files of a checkout, with git and without."""

import shutil
from pathlib import Path

from tests.suite.checkout import read_checkout
from tests.suite.file_facts import FactStore

from .conftest import FILES, House


def test_files_methods_and_tasks_are_found(house: House) -> None:
    checkout = house({".gitignore": "*.log\n", "harness/run.log": "x"})
    assert set(FILES) <= checkout.known
    assert "harness/run.log" not in checkout.known
    assert set(checkout.tasks) == {"paging", "mip"}
    assert set(checkout.methods) == {"paging/lru", "paging/fifo"}


def test_a_familys_method_belongs_to_the_tasks_that_it_lists(house: House) -> None:
    shared = 'CARD = Card("Coin", tasks=("paging", "mip"))\n'
    checkout = house({"workloads/algorithms/methods/coin.py": shared})
    file = "workloads/algorithms/methods/coin.py"
    assert (checkout.methods["paging/coin"], checkout.methods["mip/coin"]) == (file, file)


def test_without_git_every_file_that_is_not_hidden_counts(house: House, tmp_path: Path) -> None:
    root = house().root
    shutil.rmtree(root / ".git")
    (root / ".hidden").write_text("")
    checkout = read_checkout(root, FactStore(tmp_path / "facts.json"))
    assert set(FILES) <= checkout.known
    assert ".hidden" not in checkout.known
