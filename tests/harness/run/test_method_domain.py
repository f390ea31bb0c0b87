"""What methods may open: their own task but for truth, and nothing that another run or process wrote."""

import os
from pathlib import Path

import pytest

from adabench.harness.contract import registry
from adabench.harness.run.guards.landlock import confinement
from adabench.harness.run.guards.method_domain import (
    LocalPlaces,
    covering,
    is_below,
    link_targets,
    linked_packages,
)
from adabench.harness.run.guards.method_needs import MethodNeeds, method_needs, needs_from_json
from tests.harness.run.test_execute import Write, run, statuses

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""
pytestmark = pytest.mark.cold  # servers are to be below the test
HELD = confinement()


def needs_of(address: str, **conditions: object) -> MethodNeeds:
    return method_needs(
        registry.find(address.partition("/")[0]), registry.find(address), conditions
    )


def test_what_covers_a_folder_leaves_out_what_is_closed(tmp_path: Path) -> None:
    for name in ("a/truth", "a/engine", "b"):
        (tmp_path / name).mkdir(parents=True)
    found = set(covering(str(tmp_path), [str(tmp_path / "a" / "truth")]))
    assert found == {str(tmp_path / "a" / "engine"), str(tmp_path / "b")}
    assert list(covering(str(tmp_path), [])) == [str(tmp_path)]
    assert list(covering(str(tmp_path), [str(tmp_path)])) == []


def test_links_are_followed_and_truth_behind_one_stays_closed(tmp_path: Path) -> None:
    for name in ("store/task/truth", "store/task/engine", "family/truth"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "family" / "task").symlink_to(tmp_path / "store" / "task")
    (tmp_path / "family" / "truth" / "answers").symlink_to(tmp_path / "store")
    store, family = tmp_path / "store" / "task", str(tmp_path / "family")
    assert list(link_targets(family, truth=False)) == [str(store / "engine")]
    assert set(link_targets(family, truth=True)) == {str(store), str(tmp_path / "store")}


def test_packages_whose_files_are_links_are_found_where_they_are(tmp_path: Path) -> None:
    store, libraries = tmp_path / "store", tmp_path / "site-packages"
    for folder in (store, libraries):
        (folder / "numbers").mkdir(parents=True)
    (store / "numbers" / "__init__.py").touch()
    (libraries / "numbers" / "__init__.py").symlink_to(store / "numbers" / "__init__.py")
    assert list(linked_packages(str(libraries))) == [str(store / "numbers")]
    assert list(linked_packages(str(tmp_path))) == []


@pytest.mark.parametrize("address", ["paging/lru", "chain/majority"])
def test_a_method_reads_its_family_without_any_truth(address: str) -> None:
    places = LocalPlaces()
    domain = places.domain(needs_of(address))
    assert not [one for one in (*domain.read, *domain.write) if "truth" in one.split(os.sep)]
    for closed in (*places.truth, places.recorded):
        assert not [one for one in (*domain.read, *domain.write) if is_below(closed, one)], closed


def test_oracles_and_rules_read_truth(tmp_path: Path) -> None:
    needs = MethodNeeds(**{**needs_of("paging/lru").to_json(), "truth": True})
    places = LocalPlaces()
    [own] = [one for one in places.truth if "/paging/" in one]
    assert any(is_below(own, one) for one in places.domain(needs).read)


def test_needs_follow_from_conditions(tmp_path: Path) -> None:
    questions, model = tmp_path / "questions.csv", tmp_path / "model"
    questions.touch()
    model.mkdir()
    found = needs_of("text/greedy", data=f"csv:{questions}", model=f"hf:{model}")
    assert (found.closed, found.read, found.network) == ((str(questions),), (str(model),), False)
    assert needs_of("text/greedy", model="openai:http://127.0.0.1:1/v1#m").network
    assert needs_from_json(found.to_json()) == found


@pytest.mark.skipif(not HELD.files, reason=str(HELD))
def test_what_a_method_wrote_is_gone_with_its_process(write_bad: Write, tmp_path: Path) -> None:
    write_bad(
        "import pathlib, tempfile\n"
        "own = pathlib.Path(tempfile.mkdtemp(), 'notes')\n"
        "own.write_text('x')\n"
        f"pathlib.Path({str(tmp_path / 'where')!r}).write_text(str(own))\n"
        "return task.step(case, 1.0)\n"
    )
    assert statuses(run("bad")["bad"]) == ["ok"] * 12
    own = Path((tmp_path / "where").read_text())
    assert not own.exists()
    assert not own.parents[1].exists()


@pytest.mark.skipif(not HELD.signals, reason=str(HELD))
def test_a_method_that_stops_its_siblings_stops_nobody(write_bad: Write) -> None:
    write_bad(
        "import os, pathlib, signal\n"
        "for stat in pathlib.Path('/proc').glob('[0-9]*/stat'):\n"
        "    number, parent = stat.parent.name, stat.read_text().rpartition(')')[2].split()[1]\n"
        "    if int(parent) == os.getppid() and int(number) != os.getpid():\n"
        "        os.kill(int(number), signal.SIGSTOP)\n"
        "os.kill(os.getppid(), signal.SIGSTOP)\n"
    )
    found = run("fixed", "bad", "residual")
    assert statuses(found["fixed"]) == statuses(found["residual"]) == ["ok"] * 12
    assert all("Operation not permitted" in record.note for record in found["bad"])
