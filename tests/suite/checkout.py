"""The files of a checkout as tests reach them: by path, by module, by task, with their facts."""

import subprocess
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from tests.suite.file_facts import FactStore, FileFacts, content_digest

PACKAGE = "adabench"
PRODUCT = ("cli", "harness", "workloads", "profilers", "kernels", "reports")
TESTS = "tests"
HIDDEN = frozenset("._")
SHIPPED_AS_PACKAGE = "reports/notebook/api.py"
"""It is `adabench/__init__.py`; its names are lazy and lead to everything."""


@dataclass(frozen=True)
class Checkout:
    """Every file that git knows or would add, and what the Python ones say."""

    root: Path
    files: tuple[str, ...]
    """Relative to the root, with slashes."""
    facts: Mapping[str, FileFacts]

    @cached_property
    def known(self) -> frozenset[str]:
        """The files, to be asked for."""
        return frozenset(self.files)

    @cached_property
    def folders(self) -> Mapping[str, tuple[str, ...]]:
        """The files below each folder, at any depth."""
        found: dict[str, list[str]] = defaultdict(list)
        for file in self.files:
            for parent in PurePosixPath(file).parents:
                found[str(parent)].append(file)
        return {folder: tuple(below) for folder, below in found.items()}

    @cached_property
    def modules(self) -> Mapping[str, str]:
        """Files by the names that they are imported under."""
        found = {}
        for file in self.facts:
            dotted = file.removesuffix(".py").replace("/", ".")
            found[f"{PACKAGE}.{dotted}" if file.startswith(PRODUCT) else dotted] = file
        return found

    @cached_property
    def tasks(self) -> Mapping[str, str]:
        """The `task.py` of each task."""
        parts = {file: file.split("/") for file in self.facts}
        return {
            p[2]: file for file, p in parts.items()
            if p[0] == "workloads" and len(p) == 4 and p[3] == "task.py"
        }  # fmt: skip

    @cached_property
    def methods(self) -> Mapping[str, str]:
        """The file of each method by its address, those that a family owns too."""
        found = {}
        for file, facts in self.facts.items():
            if not facts.card or "/methods/" not in file:
                continue
            home, name = file.split("/methods/")[0].split("/"), file.split("/")[-1][:-3]
            tasks = (home[2],) if len(home) == 3 else facts.tasks
            found |= {f"{task}/{name}": file for task in tasks if task in self.tasks}
        return found

    @cached_property
    def methods_of(self) -> Mapping[str, tuple[str, ...]]:
        """The methods' files of each task."""
        found: dict[str, list[str]] = {task: [] for task in self.tasks}
        for address, file in self.methods.items():
            found[address.split("/")[0]].append(file)
        return {task: tuple(files) for task, files in found.items()}

    @cached_property
    def data(self) -> Mapping[str, tuple[str, ...]]:
        """The files that are no Python, by the nearest folder above them that holds Python."""
        with_code = {str(PurePosixPath(file).parent) for file in self.facts}
        found: dict[str, list[str]] = defaultdict(list)
        for file in self.files:
            if file not in self.facts:
                above = [str(parent) for parent in PurePosixPath(file).parents]
                found[next((folder for folder in above if folder in with_code), ".")].append(file)
        return {folder: tuple(files) for folder, files in found.items()}

    def resolve(self, name: str) -> str | None:
        """Return the file that a dotted name lies in; the package's own file only by its own name."""
        if name == PACKAGE:
            return SHIPPED_AS_PACKAGE
        while name and name != PACKAGE:
            if name in self.modules:
                return self.modules[name]
            name = name.rpartition(".")[0]
        return None

    def digest(self, file: str) -> str:
        """Return the digest of a file's content."""
        try:
            return content_digest((self.root / file).read_bytes())
        except OSError:  # a dangling link
            return "unreadable"


def read_checkout(root: Path, store: FactStore) -> Checkout:
    """List the files of a checkout and read the facts of the Python ones."""
    files = tuple(sorted(name for name in _listed(root) if (root / name).is_file()))
    facts = {name: store.read(root / name) for name in files if name.endswith(".py")}
    store.save()
    return Checkout(root, files, facts)


def _listed(root: Path) -> set[str]:
    """Return what git knows or would add; outside a checkout every file that is not hidden."""
    listing = ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        said = subprocess.run(listing, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        paths = (path.relative_to(root) for path in root.rglob("*"))
        return {path.as_posix() for path in paths if not HIDDEN & {part[0] for part in path.parts}}
    return set(said.split("\0")) - {""}
