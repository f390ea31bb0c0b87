"""Git revisions side by side: each checked out, each in an environment of its own.

A revision `A..B` names two commits of the repository one stands in. Each is checked out with
`git worktree` into a temporary folder and gets a virtual environment:

- `fast` (the default): nothing is downloaded or built. The environment sees the packages
  that are installed here, and in front of them the revision's own code, with metadata (version,
  extras, entry points) written from its `pyproject.toml`. It takes a tenth of a second, and it
  is right as long as the revision's *dependencies* are met by what is installed. Where the two
  revisions name different ones, that is said.
- `full`: `pip install` of the checkout into an empty environment. It is needed when dependencies
  differ, or when something has to be built; it downloads what pip downloads (torch is large).

The repository is that of adabench, or of a plug-in that declares `adabench.tasks` or
`adabench.methods` in its `pyproject.toml`; a plug-in's revisions are measured by the adabench
that is installed here.

*Why the front is a folder of links.* `adabench` is a namespace package, whose parts Python joins
from every folder on the path: code that only the installed version has would leak into the
revision. In the front stands `adabench/__init__.py`; a regular package ends that search.
"""

import contextlib
import site
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.files.scratch_folder import scratch_folder

Install = Literal["fast", "full"]
PACKAGE = "adabench"
GROUPS = ("adabench.tasks", "adabench.methods")
PIP_S = 3600.0


@dataclass(frozen=True)
class Revision:
    """A commit that is ready to run."""

    name: str
    """As it was asked for."""
    commit: str
    python: Path
    project: Mapping[str, Any]
    """The `[project]` table of its pyproject.toml."""

    @property
    def label(self) -> str:
        """The name and the short commit."""
        short = self.commit[:10]
        return self.name if self.commit.startswith(self.name) else f"{self.name} ({short})"


def split(text: str) -> tuple[str, str]:
    """Read `main..HEAD`; `main` alone is held against HEAD.

    Raises:
        SelectionError: for anything else.
    """
    base, dots, head = text.partition("..")
    if not base or (dots and not head) or head.startswith(".") or base.startswith("-"):
        raise SelectionError(f"{text!r} names no two revisions.", "For example: --rev main..HEAD")
    return base, head or "HEAD"


@contextlib.contextmanager
def ready(names: tuple[str, str], root: Path, install: Install) -> Iterator[list[Revision]]:
    """Check out and install both revisions of the repository at `root`; all is gone at the end.

    What a gate that was killed left behind goes at the start.

    Raises:
        SelectionError: if there is no such revision, or `root` is in no repository.
        EnvironmentProblem: if a revision cannot be installed.
    """
    top = Path(git(root, "rev-parse", "--show-toplevel"))
    commits = [_commit(top, name) for name in names]
    with scratch_folder("gate") as folder:
        git(top, "worktree", "prune")
        trees = [Path(folder, side) for side in ("base", "head")]
        try:
            for tree, commit in zip(trees, commits, strict=True):
                git(top, "worktree", "add", "--detach", "--quiet", str(tree), commit)
            yield [
                Revision(name, commit, installed(tree, Path(folder, f"{tree.name}-env"), install),
                         project(tree))
                for name, commit, tree in zip(names, commits, trees, strict=True)
            ]  # fmt: skip
        finally:
            for tree in trees:
                if tree.exists():
                    git(top, "worktree", "remove", "--force", str(tree))


def git(root: Path, *words: str) -> str:
    """Return what git says.

    Raises:
        SelectionError: with git's own words if it fails.
        EnvironmentProblem: if there is no git.
    """
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False
        )
    except OSError as missing:
        raise EnvironmentProblem(f"git cannot be run: {missing}.", "Install git.") from missing
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise SelectionError(
            f"git {words[0]} failed: {said[0]}",
            "Stand in the repository of adabench or of a plug-in, and fetch its history "
            "(in Actions: actions/checkout with fetch-depth: 0).",
        )
    return done.stdout.strip()


def project(tree: Path) -> dict[str, Any]:
    """Return the `[project]` table of a checkout.

    Raises:
        EnvironmentProblem: if it has none, or is neither adabench nor a plug-in.
    """
    try:
        found = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError) as broken:
        raise EnvironmentProblem(
            f"The revision has no readable pyproject.toml: {broken}.",
            "A gate of revisions works for adabench itself and for plug-ins of it.",
        ) from broken
    if found.get("name") != PACKAGE and not set(GROUPS) & set(found.get("entry-points", {})):
        raise EnvironmentProblem(
            f"{found.get('name')} declares neither {' nor '.join(GROUPS)}.",
            "A gate of revisions works for adabench itself and for plug-ins of it.",
        )
    return dict(found)


def installed(tree: Path, folder: Path, install: Install) -> Path:
    """Return the interpreter of a new environment that holds the code of a checkout."""
    venv.create(folder, with_pip=install == "full", symlinks=True)
    python = folder / "bin" / "python"
    if install == "full":
        _pip(python, tree)
        return python
    front = folder / "front"
    front.mkdir()
    own = project(tree)
    paths = [str(front)]
    if own["name"] == PACKAGE:
        _link(tree, front / PACKAGE)
    else:
        paths += [str(path) for path in (tree / "src", tree) if path.is_dir()]
    _write_metadata(front, own)
    here = [f"import site; site.addsitedir({path!r})" for path in _site_folders()]
    [own_site] = (folder / "lib").glob("python*/site-packages")
    (own_site / "gate.pth").write_text("\n".join([*paths, *here]) + "\n", encoding="utf-8")
    return python


def unlike_dependencies(base: Revision, head: Revision) -> list[str]:
    """Return the dependencies that only one of the two names."""
    ours, theirs = (_requirements(side.project) for side in (base, head))
    return sorted({line.partition(";")[0].strip() for line in ours ^ theirs})


def _commit(top: Path, name: str) -> str:
    try:
        return git(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except SelectionError as unknown:
        raise SelectionError(
            f"There is no revision {name!r} here.",
            "git fetch brings it (in Actions: actions/checkout with fetch-depth: 0).",
        ) from unknown


def _pip(python: Path, tree: Path) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            [*command, str(tree)], capture_output=True, text=True, timeout=PIP_S, check=False
        )
    except subprocess.TimeoutExpired as slow:
        raise EnvironmentProblem(f"pip took more than {PIP_S:.0f} s.") from slow
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise EnvironmentProblem(
            f"pip could not install the revision: {said[0]}",
            "--install fast uses the packages that are installed here.",
        )


def _link(tree: Path, package: Path) -> None:
    """Make a regular package of the folders that a checkout's wheel would hold."""
    text = (tree / "pyproject.toml").read_text(encoding="utf-8")
    wheel = tomllib.loads(text)["tool"]["hatch"]["build"]["targets"]["wheel"]
    package.mkdir()
    for name in wheel["only-include"]:
        (package / name).symlink_to(tree / name)
    for source, name in _package_files(wheel).items():
        if (tree / source).is_file():
            (package / name).symlink_to(tree / source)
    (package / "__init__.py").touch()


def _package_files(wheel: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the files that are the package's own, and their names in it; older ones have none."""
    files: Mapping[str, str] = wheel.get("hooks", {}).get("custom", {}).get("package-files", {})
    return files


def _write_metadata(front: Path, own: Mapping[str, Any]) -> None:
    """Write what an installer would: name, version, requirements, entry points."""
    name, version = own["name"], own.get("version", "0")
    info = front / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {line}" for line in sorted(_requirements(own))]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    points = []
    for group, entries in own.get("entry-points", {}).items():
        points += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(points) + "\n", encoding="utf-8")


def _requirements(own: Mapping[str, Any]) -> set[str]:
    found = set(own.get("dependencies", ()))
    for extra, lines in own.get("optional-dependencies", {}).items():
        for line in lines:
            need, _, marker = line.partition(";")
            condition = f"({marker.strip()}) and " if marker else ""
            found.add(f"{need.strip()} ; {condition}extra == '{extra}'")
    return found


def _site_folders() -> list[str]:
    """Return the folders with installed packages that this interpreter sees."""
    found = [*site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        found.append(site.getusersitepackages())
    return [path for path in dict.fromkeys(found) if Path(path).is_dir() and path in sys.path]
