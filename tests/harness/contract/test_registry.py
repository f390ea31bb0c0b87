"""Discovery reads cards without importing, and says what is wrong in sentences."""

import importlib
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import adabench
from adabench.harness.contract import registry, source_files
from adabench.harness.errors import MethodContractError, MissingExtra, SelectionError

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""

HEADER = "from adabench.harness.contract.card import Card\n"


def test_card_is_read_from_the_syntax_tree_although_the_import_would_fail(tmp_path: Path) -> None:
    file = tmp_path / "method.py"
    file.write_text("import not_there\n" + HEADER + 'CARD = Card(title="x", role="static")\n')
    card = registry.read_card(file)
    assert card is not None
    assert (card.title, card.role) == ("x", "static")


def test_a_file_without_card_is_no_method(tmp_path: Path) -> None:
    file = tmp_path / "parts.py"
    file.write_text("x = 1\n")
    assert registry.read_card(file) is None


@pytest.mark.parametrize(
    "source",
    ["CARD = Card(title=open('x'))", "CARD = 3", "CARD = Card(", "CARD = Card(colour='red')"],
)
def test_a_card_that_cannot_be_read_says_so(tmp_path: Path, source: str) -> None:
    file = tmp_path / "method.py"
    file.write_text(source)
    with pytest.raises(MethodContractError, match=r"method\.py"):
        registry.read_card(file)


def test_unknown_names_suggest_near_ones() -> None:
    with pytest.raises(SelectionError) as task:
        registry.find("pagin/lru")
    assert "paging" in task.value.hint
    with pytest.raises(SelectionError) as method:
        registry.find("paging/lruu")
    assert "paging/lru" in method.value.hint


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("paging/learned", "paging/learned_bits"),
        ("paging/combined", "paging/combiner"),
        ("connectivity/learned", "connectivity/learned_lifetimes"),
        ("connectivity/shuffled", "connectivity/shuffled_predictions"),
        ("ledger/full_path", "ledger_qa/full_path"),
        ("ledger/dense_ffn", "ledger_affine/dense_ffn"),
        ("ledger/cot", "ledger_cot/cot"),
    ],
)
def test_a_method_that_moved_is_found_at_its_old_address(before: str, now: str) -> None:
    entry = registry.find(before)
    assert (entry.address, entry.card.moved_from) == (now, before)
    assert entry == registry.find(now)
    assert before not in registry.methods(before.partition("/")[0])


@pytest.mark.usefixtures("toy")
def test_plug_ins_come_in_by_entry_point() -> None:
    assert "roots" in registry.tasks()
    assert set(registry.methods("roots")) == {
        "roots/absent", "roots/coin", "roots/fixed", "roots/hindsight", "roots/residual",
    }  # fmt: skip
    absent = registry.find("roots/absent")
    available, reason = registry.availability(absent)
    assert not available
    assert "nowhere" in reason
    with pytest.raises(MissingExtra):
        registry.load(absent)


def test_listing_imports_no_plug_in(toy_env: dict[str, str]) -> None:
    code = (
        "import json, sys; from adabench.harness.contract import registry as r;"
        "found = [m for t in r.tasks() for m in r.methods(t)];"
        "print(json.dumps([found, 'adabench_toy' in sys.modules, 'numpy' in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=toy_env, capture_output=True, check=True, text=True
    )
    found, imported, numpy = json.loads(done.stdout)
    assert "roots/residual" in found
    assert not imported
    assert not numpy


@pytest.mark.parametrize("field", ["claims=3", "knobs=('a',)", "needs=(1,)", "metrics=[1]"])
def test_a_card_with_fields_of_another_kind_is_refused(tmp_path: Path, field: str) -> None:
    file = tmp_path / "method.py"
    file.write_text(f'CARD = Card(title="x", {field})')
    with pytest.raises(MethodContractError, match=field.split("=")[0]):
        registry.read_card(file)


def test_a_broken_plug_in_lists_with_its_problem_and_hurts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "bad-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(
        "[adabench.methods]\npaging/gone = not_installed\npaging/a/b = bad_one\n"
        "paging/none = bad_one\n"
    )
    (tmp_path / "bad_one.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = registry.methods("paging")
    assert "not installed" in found["paging/gone"].problem
    assert "task/name" in found["paging/a/b"].problem
    assert "no CARD" in found["paging/none"].problem
    assert registry.find("paging/a/b") == found["paging/a/b"]
    with pytest.raises(MissingExtra):
        registry.load(found["paging/gone"])


FAMILY_TASK = (
    HEADER.replace("import Card", "import Card, Knob, Metric")
    + """
from dataclasses import dataclass, field
from adabench.harness.contract.protocols import Meter

CARD = Card(
    title="Counting", paper="none",
    metrics=(
        Metric("right", "", "higher", "quality", primary=True),
        Metric("steps", "steps", "lower", "work", primary=True),
    ),
)


@dataclass(frozen=True)
class Steps:
    meter: Meter = field(default_factory=Meter)

    def step(self):
        self.meter["steps"] += 1


@dataclass(frozen=True)
class Counting(Steps):
    seed: int = 0

    def cases(self):
        return [self.seed * 10 + i for i in range(2)]

    def substrate(self):
        return Steps()

    def score(self, case, answer):
        return {"right": float(answer == case)}


def load(scale, seed):
    return Counting(seed=seed)
"""
)
FAMILY_METHOD = (
    HEADER
    + """
CARD = Card(title="Reads the case", role="static", tasks=("alpha", "beta"))


def solve(task, case, point):
    task.step()
    return case
"""
)


def plant(root: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let built-in tasks and methods stand in `root` too."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    package = importlib.import_module(source_files.PACKAGE)
    roots = [Path(place) for place in package.__path__]
    monkeypatch.setattr(package, "__path__", [*map(str, roots), str(root)])
    monkeypatch.setattr(source_files, "roots", lambda: [*roots, root])


def test_a_familys_method_runs_on_the_tasks_that_its_card_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(
        tmp_path,
        {
            "planted/alpha/task.py": FAMILY_TASK,
            "planted/beta/task.py": FAMILY_TASK,
            "planted/gamma/task.py": FAMILY_TASK,
            "planted/methods/reader.py": FAMILY_METHOD,
            "planted/methods/searcher/searcher.py": FAMILY_METHOD,
            "planted/methods/searcher/parts.py": "x = 1\n",
            "planted/alpha/methods/own.py": FAMILY_METHOD.replace(', tasks=("alpha", "beta")', ""),
        },
        monkeypatch,
    )
    assert set(registry.methods("alpha")) == {"alpha/own", "alpha/reader", "alpha/searcher"}
    assert set(registry.methods("beta")) == {"beta/reader", "beta/searcher"}
    assert registry.methods("gamma") == {}
    one, other = (registry.load(registry.find(f"{task}/reader")) for task in ("alpha", "beta"))
    assert one is other
    assert one.__name__ == "adabench.workloads.planted.methods.reader"


CHECK = """
import sys
from adabench.harness.run.conformance import ConformanceCheck

with ConformanceCheck() as checks:
    for address in ("alpha/reader", "beta/reader", "alpha/searcher"):
        findings = list(checks.check(address))
        assert findings
        assert [finding.problem for finding in findings if finding.problem] == [], findings
print("done")
"""


def test_a_familys_method_keeps_the_contract_on_each_of_its_tasks(tmp_path: Path) -> None:
    """In a tree of links, which the processes of methods see too."""
    files = {
        "planted/alpha/task.py": FAMILY_TASK,
        "planted/beta/task.py": FAMILY_TASK,
        "planted/methods/reader.py": FAMILY_METHOD,
        "planted/methods/searcher/searcher.py": FAMILY_METHOD,
        "planted/methods/searcher/parts.py": "x = 1\n",
    }
    package = Path(next(iter(adabench.__path__)))
    workloads = tmp_path / "adabench" / "workloads"
    workloads.mkdir(parents=True)
    for folder, link in ((package, tmp_path / "adabench"), (package / "workloads", workloads)):
        for entry in folder.iterdir():
            if entry.name not in ("workloads", "__pycache__"):
                (link / entry.name).symlink_to(entry.resolve())
    for name, text in files.items():
        (workloads / name).parent.mkdir(parents=True, exist_ok=True)
        (workloads / name).write_text(text)
    paths = [str(tmp_path), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    code = f"import sys; sys.path[:0] = {paths!r}\n{CHECK}"
    # -S leaves out the installation, which would be found beside the copy.
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr


def test_a_task_name_in_two_families_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(
        tmp_path,
        {"planted/alpha/task.py": FAMILY_TASK, "sown/alpha/task.py": FAMILY_TASK},
        monkeypatch,
    )
    entry = registry.find("alpha")
    for folder in ("planted.alpha", "sown.alpha"):
        assert folder in entry.problem
    assert "rename one of the two folders" in entry.problem
    with pytest.raises(MethodContractError, match="have the same name"):
        registry.load(entry)


PAPER = """
title = "On counting"
arxiv = "2501.00001"

[[claims]]
id = "counting-1"
method = "alpha/own"
says = "It counts."
source = "headline"
paper = "it counts"
[claims.out_of_reach]
reason = "nothing is said of how much"
"""


def test_what_changes_while_a_process_lives_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, family, tasks, paper = (
        "planted/alpha/methods/own.py", "planted/methods/reader.py",
        "planted/alpha/claims.toml", "papers/counting.toml",
    )  # fmt: skip
    card = FAMILY_METHOD.replace(', tasks=("alpha", "beta")', ', paper="Counting", slug="counting"')
    plant(
        tmp_path, {"planted/alpha/task.py": FAMILY_TASK, own: card, family: FAMILY_METHOD},
        monkeypatch,
    )  # fmt: skip
    assert set(registry.methods("alpha")) == {"alpha/own", "alpha/reader"}
    assert registry.find("alpha/own").card.claims == ()
    steps: list[tuple[str, str, list[str]]] = [
        (paper, PAPER, ["counting-1"]),
        (tasks, PAPER.partition("\n\n")[2].replace("counting-1", "task-1"), ["counting-1", "task-1"]),
        (paper, PAPER.replace("counting-1", "counting-two"), ["counting-two", "task-1"]),
    ]  # fmt: skip
    for file, text, ids in steps:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
        assert [claim.id for claim in registry.find("alpha/own").card.claims] == ids
    (tmp_path / paper).unlink()
    assert [claim.id for claim in registry.find("alpha/own").card.claims] == ["task-1"]
    (tmp_path / own).write_text(card.replace("Reads the case", "Counts"))
    assert registry.find("alpha/own").card.title == "Counts"
    (tmp_path / family).write_text(FAMILY_METHOD.replace('"alpha", ', ""))
    assert set(registry.methods("alpha")) == {"alpha/own"}
    (tmp_path / own).unlink()
    assert registry.methods("alpha") == {}


def test_a_family_s_method_reads_its_card_by_task() -> None:
    here, there = registry.find("ledger/acm").card, registry.find("pretrained/acm").card
    assert not {claim.id for claim in here.claims} & {claim.id for claim in there.claims}
    assert here.claims
    assert there.claims
    assert (here.defaults["budget"], there.defaults["budget"]) == (0.4, 0.75)
    assert registry.load(registry.find("pretrained/acm")) is registry.load(
        registry.find("ledger/acm")
    )
