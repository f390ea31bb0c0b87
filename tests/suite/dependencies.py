"""What each test file can depend on: a graph of files, cards and fixtures, read without running any.

An edge says that what stands at its start can run, read or list what stands at its end:

- imports, lazy ones too; a module named in a string; a name of the lazy package `adabench`;
- the data beside a module, and a path that a test names;
- the conftest.py above a test file: what stands outside its fixtures, fixtures that are autouse, and
  those that are asked for by name. A fixture is a node of its own, so that one test that runs the
  command line does not make all tests depend on it;
- a folder of tests reaches the whole room that it mirrors: names made at run time lead there;
- an address (`paging/lru`) that a test or the command line names reaches the method and its task;
- a test that runs the command line reaches the verbs that it says;
- who reads the registry reads cards: those of the tasks it names, or all of them.

What a test opens outside its closure is found by `make test-all` (`opened_files.py`).
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cached_property
from itertools import pairwise
from pathlib import PurePosixPath

from tests.suite.checkout import PACKAGE, PRODUCT, SHIPPED_AS_PACKAGE, TESTS, Checkout
from tests.suite.file_facts import Facts

DOTTED = re.compile(r"adabench(?:\.\w+)+(?::\w+)?")
SCRIPT = re.compile(r"\w+\.py")
ADDRESS = re.compile(r"([a-z][a-z0-9_]*)/([a-z0-9_.*]*)(?:=.*)?")
CONFORMANCE = "tests/test_conformance.py"
REGISTRY = "harness/contract/registry.py"
CATALOGUE = "<all cards>"
RECIPES = "<all recipes>"
EVERYTHING = "<all files>"
WAY = tuple(f"<all files {step}>" for step in range(5))
"""Between that and the files: who reads everything is as far from an edit as can be."""
SPECIAL = frozenset((CATALOGUE, RECIPES, EVERYTHING))
"""What a test file may say that it reads: READS = ("<all cards>",)."""
RECIPE_VERBS = frozenset(("train", "show", "checkpoint-figures", "checkpoint_figures"))
"""Verbs that import the recipes of all tasks."""
PAPERS, READER_OF_PAPERS = "workloads/papers", "harness/contract/papers.py"
CLAIMS = "claims.toml"
"""Beside a task: claims of methods that belong to no paper."""
COMMAND_LINE = "cli/main.py"
COMMAND_FIXTURES = frozenset(("command", "process", "here", "in_process", "journey"))
CATALOGUE_VERBS = frozenset(("list", "show", "check", "reproduce"))
"""Verbs that read every card; others read those of the tasks that they are about."""
ALWAYS = ("pyproject.toml",)
BESIDE_A_TASK = ("conformance.py", "drawing.py", "recipes.py")
"""Modules that are found beside a task by their names."""
TOUR = "cli/commands/tour.py"
READ_ONLY = ("harness/provenance/source_digests.py",)
"""Modules that name others to digest them, and run none."""
OWN = f"{TESTS}/suite/"
"""Its strings name files and modules to tell them apart, or are checkouts that tests make up."""
ROOMS = ("harness", "reports", "profilers", "kernels", "checks", "docs")


def card_of(file: str) -> str:
    """Return the node of a file's card alone."""
    return f"card:{file}"


@dataclass(frozen=True)
class Dependencies:
    """The graph of a checkout."""

    checkout: Checkout
    edges: Mapping[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @cached_property
    def test_files(self) -> tuple[str, ...]:
        """Every file that pytest collects."""
        return tuple(
            file for file in self.checkout.facts
            if file.startswith(f"{TESTS}/") and PurePosixPath(file).name.startswith("test_")
        )  # fmt: skip

    def closure(self, starts: Iterable[str]) -> dict[str, int]:
        """Return everything that nodes lead to, with its distance."""
        return _walk(self.edges, starts)

    @cached_property
    def reverse(self) -> Mapping[str, set[str]]:
        """The edges, turned round."""
        found: dict[str, set[str]] = defaultdict(set)
        for start, ends in self.edges.items():
            for end in ends:
                found[end].add(start)
        return found

    def digest(self, node: str) -> str:
        """Return what a node is now: a digest of its code, its card or its content."""
        file, _, fixture = node.removeprefix("card:").partition("::")
        facts = self.checkout.facts.get(file)
        if facts is None or file.startswith("cli/"):  # what verbs say of themselves is their help
            return self.checkout.digest(file) if file in self.checkout.known else ""
        if fixture:
            return facts.fixtures[fixture].code
        return facts.card if node.startswith("card:") else facts.code


def _walk(edges: Mapping[str, set[str]], starts: Iterable[str]) -> dict[str, int]:
    distance = dict.fromkeys(starts, 0)
    todo = deque(distance)
    while todo:
        node = todo.popleft()
        for end in edges.get(node, ()):
            if end not in distance:
                distance[end] = distance[node] + 1
                todo.append(end)
    return distance


def read_dependencies(checkout: Checkout) -> Dependencies:
    """Draw the graph of a checkout."""
    return _Reader(checkout).graph()


@dataclass
class _Reader:
    """Draws the edges, one kind after another."""

    checkout: Checkout
    edges: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def graph(self) -> Dependencies:
        for file, facts in self.checkout.facts.items():
            self._link(file, file, facts.top)
            for name, fixture in facts.fixtures.items():
                self._link(f"{file}::{name}", file, fixture.facts)
                if not file.endswith("conftest.py"):
                    self.edges[file].add(f"{file}::{name}")
            self._link_data(file)
        self._link_tasks()
        self._link_catalogue()
        for file in self.checkout.facts:
            if file.startswith(f"{TESTS}/"):
                if PurePosixPath(file).name.startswith(("test_", "conftest")):
                    self._link_conftests(file)
                self.edges[file].update(self._mirrored(file))
                self.edges[file].update(ALWAYS)
        return Dependencies(self.checkout, self.edges)

    def _link(self, node: str, file: str, facts: Facts) -> None:
        ends = self.edges[node]
        ends.update(self._imported(file, facts))
        ends.update(self._named_modules(file, facts))
        ends.update(self._named_weights(facts.texts))
        is_test = file.startswith(f"{TESTS}/") and not file.startswith(OWN)
        if is_test or file.startswith("docs/"):
            ends.update(self._addressed(facts.texts))
        if file.startswith("harness/plan/"):
            self.edges[TOUR].update(self._addressed(facts.texts))
        if is_test:
            ends.update(self._named_files(file, facts.texts))
            ends.update(self._verbs(file, facts))
            ends.update(SPECIAL & facts.texts)
        if node != file:
            ends.update({file} if file.endswith("conftest.py") else ())
        ends.discard(node)

    def _imported(self, file: str, facts: Facts) -> Iterator[str]:
        for level, module, name in facts.imports:
            base = _absolute(file, level, module)
            for whole in (f"{base}.{name}" if name else base, base):
                found = self.checkout.resolve(whole)
                if found is not None:
                    yield found
                    break
            if base == PACKAGE:
                yield from self._lazy(facts.names | {name})

    def _lazy(self, names: frozenset[str]) -> Iterator[str]:
        """Yield the homes of the package's lazy names that are used."""
        homes = self.checkout.facts[SHIPPED_AS_PACKAGE].top.texts
        for name in names & {text for text in homes if text.isidentifier()}:
            for home in homes:
                found = self.checkout.resolve(home) if DOTTED.fullmatch(home) else None
                if found and name in self.checkout.facts[found].top.names | _defined(self, found):
                    yield found

    def _named_modules(self, file: str, facts: Facts) -> Iterator[str]:
        if file in (SHIPPED_AS_PACKAGE, *READ_ONLY) or file.startswith(OWN):
            return
        for text in facts.texts:
            if DOTTED.fullmatch(text):
                found = self.checkout.resolve(text.partition(":")[0])
                if found not in (None, SHIPPED_AS_PACKAGE):
                    yield str(found)
            elif SCRIPT.fullmatch(text):
                beside = str(PurePosixPath(file).with_name(text))
                if beside in self.checkout.known:
                    yield beside

    def _named_weights(self, texts: frozenset[str]) -> Iterator[str]:
        """Yield the checkpoints of another task that a module names: weights that a family shares."""
        if "checkpoints" in texts:
            for task in texts & self.checkout.tasks.keys():
                home = PurePosixPath(self.checkout.tasks[task]).parent
                yield from self.checkout.folders.get(f"{home}/checkpoints", ())

    def _addressed(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            found = ADDRESS.fullmatch(text)
            task, method = found.groups() if found else (text, "*")
            if task not in self.checkout.tasks or (found is None and not text.isidentifier()):
                continue
            yield self.checkout.tasks[task]
            address = f"{task}/{method}"
            if address in self.checkout.methods:
                yield self.checkout.methods[address]
            else:
                yield from self.checkout.methods_of[task]

    def _named_files(self, file: str, texts: Iterable[str]) -> Iterator[str]:
        """Yield files that a test names from the folder that it lies in, or from one above."""
        above = [str(parent) for parent in PurePosixPath(file).parents]
        for text in texts:
            if not text or text.startswith(("/", "*")) or text in (".", "..", *PRODUCT, TESTS):
                continue
            if "*" in text:
                yield from (path for path in self.checkout.files if fnmatch(path, text))
            for folder in above:
                path = text if folder == "." else f"{folder}/{text}"
                if path in self.checkout.known:
                    yield path
                elif not any(map(_is_test, self.checkout.folders.get(path, ()))):
                    yield from self.checkout.folders.get(path, ())

    def _verbs(self, file: str, facts: Facts) -> Iterator[str]:
        """Yield the verbs that a test says, if it runs the command line."""
        whole = self.checkout.facts[file]
        pieces = [facts]  # of a conftest.py each fixture speaks for itself
        if not file.endswith("conftest.py"):
            pieces = [whole.top, *(one.facts for one in whole.fixtures.values())]
        if not any(_runs_commands(piece) for piece in pieces):
            return
        yield COMMAND_LINE
        for text in facts.texts:
            verb = f"cli/commands/{text}.py"
            if verb in self.checkout.known:
                yield verb
                if text in CATALOGUE_VERBS:
                    yield CATALOGUE
                if text in RECIPE_VERBS:
                    yield RECIPES

    def _link_data(self, file: str) -> None:
        """Link a module with the data in its folder; the root's and the pages' are nobody's."""
        folder = str(PurePosixPath(file).parent)
        if folder not in (".", "docs", TESTS):
            self.edges[file].update(self.checkout.data.get(folder, ()))

    def _link_tasks(self) -> None:
        for task, file in self.checkout.tasks.items():
            beside = {str(PurePosixPath(file).with_name(name)) for name in BESIDE_A_TASK}
            self.edges[file] |= beside & self.checkout.known
            self.edges[file] |= {card_of(one) for one in self.checkout.methods_of[task]}
            home = PurePosixPath(file).parent
            self.edges[file] |= {card_of(one) for one in self._methods_in(f"{home.parent}/methods")}
            below = self.checkout.folders[str(home)]
            self.edges[file] |= {
                card_of(one) if one.endswith(".py") else one for one in below if one != file
            }
        for file in self.checkout.tasks.values():
            self.edges[REGISTRY].add(card_of(file))

    def _methods_in(self, folder: str) -> Iterator[str]:
        """Yield what the registry reads in the folder of a family's methods, to see whose they are."""
        for file in self.checkout.folders.get(folder, ()):
            if file in self.checkout.facts and self.checkout.facts[file].card:
                yield file

    def _link_catalogue(self) -> None:
        everything = {*self.checkout.tasks.values(), *self.checkout.methods.values()}
        papers = set(self.checkout.folders.get(PAPERS, ()))
        self.edges[READER_OF_PAPERS] |= papers
        claims = {file for file in self.checkout.files if file.endswith(f"/{CLAIMS}")}
        self.edges[CATALOGUE] = papers | claims | {card_of(file) for file in everything}
        for file, facts in self.checkout.facts.items():
            if facts.paper:
                self.edges[card_of(file)] |= {f"{PAPERS}/{facts.paper}.toml"} & papers
        recipes = "recipes.py"
        self.edges[RECIPES] = {f for f in self.checkout.facts if f.endswith(f"/{recipes}")}
        for start, end in pairwise((EVERYTHING, *WAY)):
            self.edges[start] = {end}
        self.edges[WAY[-1]] = set(self.checkout.files)

    def _link_conftests(self, file: str) -> None:
        """Link a test file, or a fixture, with the conftest.py above and the fixtures it asks for."""
        above = [
            conftest for parent in PurePosixPath(file).parents
            if (conftest := f"{parent}/conftest.py") in self.checkout.facts and conftest != file
        ]  # fmt: skip
        facts = self.checkout.facts[file]
        self.edges[file].update(above)
        own = {file: facts.top} | {f"{file}::{n}": one.facts for n, one in facts.fixtures.items()}
        for node, said in own.items():
            asked = said.names | {text for text in said.texts if text.isidentifier()}
            for conftest in (*above, file):
                for name, fixture in self.checkout.facts[conftest].fixtures.items():
                    end = f"{conftest}::{name}"
                    if end != node and (name in asked or fixture.autouse):
                        self.edges[node].add(end)

    def _mirrored(self, file: str) -> Iterator[str]:
        """Yield the room that a folder of tests mirrors."""
        parts = PurePosixPath(file).parts[1:-1]
        if parts[:1] == ("workloads",) and len(parts) >= 3:
            yield from self._of_room("/".join(parts[:3]))
            yield from self.checkout.methods_of.get(parts[2], ())
        elif parts[:1] in ((room,) for room in ROOMS) and len(parts) >= 2:
            yield from self._of_room("/".join(parts[:2]))
        elif parts and parts[0] in ("checks", "docs", "kernels"):
            yield from self._of_room(parts[0])
        if parts[:1] == ("docs",):
            yield from (*self.checkout.facts, *self.checkout.folders["docs"])
        if len(parts) >= 1:
            yield from self._beside(str(PurePosixPath(file).parent))

    def _beside(self, folder: str) -> Iterator[str]:
        """Yield what lies beside a test file and is no test: modules that are found by their paths."""
        for file in self.checkout.folders.get(folder, ()):
            if not PurePosixPath(file).name.startswith(("test_", "conftest")):
                yield file

    def _of_room(self, room: str) -> Iterator[str]:
        yield from (file for file in self.checkout.folders.get(room, ()) if file.endswith(".py"))


def _is_test(file: str) -> bool:
    return PurePosixPath(file).name.startswith("test_")


def _runs_commands(facts: Facts) -> bool:
    homes = (f"{PACKAGE}.cli", "tests.cli.program")
    imports = any(module.startswith(homes) for _, module, _ in facts.imports)
    asks = (facts.parameters | facts.texts) & COMMAND_FIXTURES
    return imports or "PROGRAM" in facts.names or bool(asks)


def _absolute(file: str, level: int, module: str) -> str:
    if not level:
        return module
    folders = list(PurePosixPath(file).parts[:-1])
    package = [PACKAGE, *folders] if file.startswith(PRODUCT) else folders
    package = package[: len(package) - level + 1]
    return ".".join((*package, module) if module else package)


def _defined(reader: _Reader, file: str) -> frozenset[str]:
    """Return the names that a module's words may define: classes and functions of its source."""
    text = (reader.checkout.root / file).read_text(encoding="utf-8")
    return frozenset(re.findall(r"^(?:class|def) (\w+)", text, re.MULTILINE))
