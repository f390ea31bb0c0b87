"""An edit of any file of the product moves exactly the digests that depend on it; prose none."""

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import grimp
import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.provenance import import_graph, run_sources, source_digests, syntax
from adabench.harness.provenance.import_graph import Source
from adabench.harness.provenance.source_digests import (
    data_files,
    digest,
    named_digest,
    own,
    sources_of,
)
from adabench.harness.provenance.syntax import Syntax, parse
from adabench.harness.store import prepared_states as states

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

EDIT = b"\nEDITED = 1\n"
PROSE = b'\n"""Another word."""\n# And one more.\n'
Pair = tuple[Entry, ...]


@pytest.fixture(scope="module")
def pairs() -> dict[str, Pair]:
    """Every task and method that is built in, by address."""
    found: dict[str, Pair] = {}
    for name in registry.tasks():
        task = registry.find(name)
        if task.module.startswith("adabench."):
            found[name] = (task,)
            found |= {address: (task, one) for address, one in registry.methods(name).items()}
    return {address: pair for address, pair in found.items() if pair[-1].module.startswith("adab")}


@pytest.fixture(scope="module")
def depends(graph: grimp.ImportGraph, pairs: dict[str, Pair]) -> dict[str, set[str]]:
    """By module: the addresses that import it, as grimp says."""
    found = defaultdict(set)
    for address, pair in pairs.items():
        for entry in pair:
            for module in {entry.module} | graph.find_upstream_modules(entry.module):
                found[module].add(address)
    return found


def edited(edit: Source, remembered: Callable[[Path], Syntax]) -> Callable[[Path], Syntax]:
    """Return a reader that sees one file edited."""
    changed = parse(edit.path.read_bytes() + EDIT)
    return lambda path: changed if path == edit.path else remembered(path)


def moved(
    sources: dict[str, tuple[Source, ...]], edits: Callable[[Source], bool], most: int | None
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Edit files in turn: by module, the addresses whose digest moves, and those that were looked at.

    Of the addresses that have a file, `most` are looked at, evenly spread; None looks at all.
    """
    remembered = cache(syntax.read)
    before = {address: digest(some, remembered) for address, some in sources.items()}
    having = defaultdict(list)
    for address, some in sources.items():
        for one in filter(edits, some):
            having[one].append(address)
    found, seen = defaultdict(set), defaultdict(set)
    for one, addresses in having.items():
        reader = edited(one, remembered)
        for address in addresses[:: -(-len(addresses) // most) if most else 1]:
            seen[one.module].add(address)
            if digest(sources[address], reader) != before[address]:
                found[one.module].add(address)
    return found, seen


def is_base(source: Source) -> bool:
    return not own([source])


@pytest.mark.parametrize("most", [2, pytest.param(None, marks=pytest.mark.slow)])
def test_an_edit_of_any_product_file_moves_exactly_the_right_digests(
    graph: grimp.ImportGraph, pairs: dict[str, Pair], depends: dict[str, set[str]], most: int | None
) -> None:
    remembered, locate = cache(syntax.read), cache(import_graph.find)
    full = {
        address: sources_of(*pair, reader=remembered, locate=locate)
        for address, pair in pairs.items()
    }
    recorded = {address: own(some) for address, some in full.items()}
    assert len(pairs) > 90
    # A file is among the sources of exactly the addresses that import it.
    for name, some in full.items():
        assert {one.module for one in some} == {
            module for module in graph.modules if name in depends.get(module, ())
        }, name
    # What a run records is blind to the base, and the key of a prepared state is not.
    of_runs, by_runs = moved(recorded, lambda source: True, most)
    of_states, by_states = moved(full, is_base, most)
    for module in graph.modules:
        right = depends.get(module, set())
        if module.startswith(source_digests.BASE):
            assert module not in of_runs
            assert module not in by_runs
            assert of_states.get(module, set()) == right & by_states[module], module
        else:
            assert of_runs.get(module, set()) == right & by_runs[module], module
        assert not right or by_runs[module] | by_states[module], module


def test_prose_in_any_product_file_moves_no_digest(graph: grimp.ImportGraph) -> None:
    for module in graph.modules:
        source = import_graph.find(module)
        if source is not None:
            text = source.path.read_bytes()
            assert parse(text + PROSE) == parse(text), module


def test_a_digest_reads_no_file_but_its_sources(pairs: dict[str, Pair]) -> None:
    seen: set[Path] = set()

    def reader(path: Path) -> Syntax:
        seen.add(path)
        return syntax.read(path)

    sources = sources_of(*pairs["paging/lru"], reader=reader)
    named_digest(sources, reader)
    assert seen == {source.path for source in sources}


def cell(address: str) -> Cell:
    return Cell(*address.split("/"), {}, {}, "embedded", 0)


def key(pair: Pair) -> str:
    return states.key(cell(pair[1].address), *pair)


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, bytes], None]:
    """Make one file read as if something stood at its end."""

    def pretend(path: Path, more: bytes) -> None:
        text = path.read_bytes()
        real = syntax.parse
        monkeypatch.setattr(
            syntax, "parse", lambda found: real(found + more if found == text else found)
        )

    return pretend


def test_a_method_that_borrows_from_another_follows_it(dice: Path) -> None:
    turns = [Turn(cell(address), 0) for address in ("dice/fair", "dice/loaded")]
    pair = (registry.find("dice"), registry.find("dice/loaded"))
    fair, loaded = dice / "dice/fair.py", dice / "dice/loaded.py"
    loaded.write_text("import dice.fair\n" + loaded.read_text())
    before, known = run_sources.digests(turns), key(pair)
    fair.write_text(fair.read_text() + "MORE = 1\n")
    now = run_sources.digests(turns)
    assert {name for name in now if now[name] != before[name]} == {"dice/fair", "dice/loaded"}
    assert key(pair) != known


def test_a_word_of_prose_in_a_part_of_a_task_changes_none_of_its_methods(
    pairs: dict[str, Pair], depends: dict[str, set[str]], edit: Callable[[Path, bytes], None]
) -> None:
    parts = [name for name in depends if not name.startswith(source_digests.BASE)]
    shared = max(parts, key=lambda name: (len(depends[name]), name))
    turns = [Turn(cell(name), 0) for name in sorted(depends[shared]) if "/" in name]
    one = turns[0].cell.address
    before, known = run_sources.digests(turns), key(pairs[one])
    part = import_graph.find(shared)
    assert part
    edit(part.path, PROSE)
    assert run_sources.digests(turns) == before
    assert key(pairs[one]) == known
    edit(part.path, EDIT)
    now = run_sources.digests(turns)
    assert {name for name in now if now[name] == before[name]} == set()
    assert key(pairs[one]) != known


def test_the_base_is_what_methods_run_on_and_no_task_and_no_analysis(
    edit: Callable[[Path, bytes], None],
) -> None:
    modules = {
        source.module for source in source_digests.sources_of_modules(*source_digests.RUNNERS)
    }
    assert {*source_digests.RUNNERS, "adabench.profilers.timing.clock"} <= modules
    assert all(module.startswith(source_digests.BASE) for module in modules)
    assert "adabench.harness.analysis.claims.verdicts" not in modules
    before = source_digests.base_digest()
    clock = import_graph.find("adabench.profilers.timing.clock")
    assert clock
    edit(clock.path, EDIT)
    assert source_digests.base_digest() != before


def test_the_helpers_of_a_plug_in_move_its_own_methods_alone(dice: Path) -> None:
    turns = [Turn(cell(address), 0) for address in ("dice/fair", "dice/loaded")]
    pairs = [(registry.find("dice"), registry.find(turn.cell.address)) for turn in turns]
    for file, moves in {
        "dice/rolls.py": {"dice/fair"},
        "dice/parts/coins.py": {"dice/fair"},
        "dice_tables.py": {"dice/loaded"},
        "dice/task.py": {"dice", "dice/fair", "dice/loaded"},
        "dice/__init__.py": {"dice", "dice/fair", "dice/loaded"},
        "dice/notes.py": set(),
    }.items():
        before, keys = run_sources.digests(turns), [key(pair) for pair in pairs]
        path = dice / file
        path.write_text(path.read_text() + '"""Prose."""\n')
        assert run_sources.digests(turns) == before
        assert [key(pair) for pair in pairs] == keys
        path.write_text(path.read_text() + "MORE = 1\n")
        now, new = run_sources.digests(turns), [key(pair) for pair in pairs]
        assert {name for name in now if now[name] != before[name]} == moves, file
        changed = {pair[1].address for pair, a, b in zip(pairs, keys, new, strict=True) if a != b}
        assert changed == {name for name in moves if "/" in name}, file


def test_data_beside_the_code_counts_in_the_key_of_a_state(dice: Path) -> None:
    pair = (registry.find("dice"), registry.find("dice/fair"))
    keys = [key(pair)]
    weights = dice / "dice/weights/small.bin"
    weights.parent.mkdir()
    for content in (b"1", b"2"):
        weights.write_bytes(content)
        keys.append(key(pair))
    (dice / "dice/weights/README.md").write_text("prose")
    (dice / "elsewhere.bin").write_bytes(b"another's")
    assert len(set(keys)) == 3
    assert key(pair) == keys[-1]


def test_the_shipped_data_of_tasks_are_found(pairs: dict[str, Pair]) -> None:
    def names(address: str) -> set[str]:
        pair = pairs[address]
        found = data_files(own(sources_of(*pair)), [pair[0].path.parent])
        return {path.name for path in found}

    assert "python_docs.xz" in names("paging/lru")
    assert "lm-s-s0.safetensors" in names("chain/greedy")
    assert "known.json" in names("mip/highs")
    assert not any(name.endswith((".py", ".pyc")) for name in names("paging/lru"))


def test_a_move_changes_what_names_modules_and_not_what_they_do(tmp_path: Path) -> None:
    def laid_out(folder: str) -> list[Source]:
        here = tmp_path / folder
        here.mkdir(parents=True)
        package = "adabench.workloads." + folder.replace("/", ".")
        (here / "part.py").write_text("X = 1\n")
        (here / "use.py").write_text(f"import json\nfrom {package}.part import X\n\nY = X + 1\n")
        return [Source(f"{package}.{path.stem}", path) for path in here.glob("*.py")]

    old, new = laid_out("one"), laid_out("other/deeper")
    assert digest(old) == digest(new)
    assert named_digest(old) != named_digest(new)
    assert digest(old) == digest(reversed(old))


def test_taking_a_name_from_another_module_is_a_change(tmp_path: Path) -> None:
    def using(module: str) -> str:
        sources = []
        texts = {"a": "X = 1\n", "b": "X = 2\n", "use": f"from adabench.t.{module} import X\n"}
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)
            sources.append(Source(f"adabench.t.{name}", tmp_path / f"{name}.py"))
        return digest(sources)

    assert using("a") != using("b")


def test_a_method_that_is_no_python_has_a_digest_of_its_text(tmp_path: Path) -> None:
    source = Source("broken", tmp_path / "broken.py")
    found = set()
    for text in ("def (\n", "def )\n"):
        source.path.write_text(text)
        found.add(digest([source]))
    assert len(found) == 2


def test_what_cannot_be_compared_counts_as_changed_when_records_are_joined() -> None:
    now = {"t": "code-1:aa", "t/m": "code-1:bb", "data.csv": "cc"}
    assert run_sources.changed(now, now) == []
    assert run_sources.changed({"t/m": "code-1:zz"}, now) == ["t/m"]
    assert run_sources.changed({"gone": "code-1:zz"}, now) == ["gone"]
    [said] = run_sources.changed({"t/m": "b" * 64, "t": "a" * 64, "data.csv": "cc"}, now)
    assert said.startswith("t/m, t (")
    assert "another version" in said


def test_a_module_that_is_not_there_is_no_empty_digest() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"no module adabench\.nowhere"):
        source_digests.sources_of_modules("adabench.nowhere")
