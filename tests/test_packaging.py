"""Packaging: one regular package, its links, wheel and sdist, and what starting up imports."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

import adabench

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

pytestmark = pytest.mark.cold

ROOT = Path(__file__).parent.parent
LINKS = ROOT / ".links" / "adabench"
HEAVY = ("torch", "numpy", "pandas", "matplotlib", "rich", "numba")


WHEEL_BYTES = 56_000_000
"""Checkpoints of adapters and of experts that differ brought 4 MB, those of agents 2, of diffusion models 3, of policies
that learned by reward 1; what papers that are still to come may ship was added once, from 44 MB."""


@dataclass(frozen=True)
class Built:
    """What a build makes, unpacked where it can be looked at."""

    source: Path
    wheel: Path


def wheel_table() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    table: dict[str, Any] = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    return table


def package_files() -> dict[str, str]:
    """The files that are the package's own, and their names in it."""
    return dict(wheel_table()["hooks"]["custom"]["package-files"])


def product_files() -> set[str]:
    """Every file of the product folders that is no trace of a run."""
    folders = [ROOT / name for name in wheel_table()["only-include"]]
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist, unpacked, and a wheel that was built from it."""
    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("dist")
    [sdist] = SdistBuilder(str(ROOT)).build(directory=str(folder))
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [source] = [path for path in folder.iterdir() if path.is_dir()]
    [wheel] = WheelBuilder(str(source)).build(directory=str(folder), versions=["standard"])
    return Built(source, Path(wheel))


def in_python(code: str, *arguments: str) -> Any:
    """What a fresh interpreter prints last, as JSON."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def link_hook() -> ModuleType:
    spec = spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_package_has_one_place() -> None:
    assert len(adabench.__path__) == 1
    assert adabench.__file__
    assert Path(adabench.__file__).parent == Path(adabench.__path__[0])


def test_another_checkout_later_on_the_path_is_not_merged_in(tmp_path: Path) -> None:
    older = tmp_path / "adabench" / "harness"
    older.mkdir(parents=True)
    (older / "gone.py").write_text("")
    (tmp_path / "adabench" / "__init__.py").write_text("")
    code = (
        "import json, sys; sys.path.append(sys.argv[1])\n"
        "from importlib.util import find_spec\n"
        "import adabench, adabench.harness as harness\n"
        "print(json.dumps([len(adabench.__path__), len(harness.__path__),"
        " find_spec('adabench.harness.gone') is None]))"
    )
    assert in_python(code, str(tmp_path)) == [1, 1, True]


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import json, sys, adabench; print(json.dumps(sorted(sys.modules)))"
    loaded = in_python(code)
    assert [name for name in loaded if name.startswith("adabench")] == ["adabench"]
    assert not {*loaded} & {*HEAVY, "importlib.metadata", "typer", "dataclasses"}


def test_public_names_are_there_when_asked_for() -> None:
    assert adabench.__version__ == importlib.metadata.version("adabench")
    for name in adabench.__all__:
        assert getattr(adabench, name) is not None
        assert name in dir(adabench)
    assert "paging" in set(adabench.tasks().task)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        adabench.nothing  # noqa: B018


def test_the_package_is_a_program() -> None:
    command = [sys.executable, "-P", "-m", "adabench", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout


def test_links_match_what_the_wheel_holds() -> None:
    table = wheel_table()
    expected = {name: ROOT / name for name in table["only-include"]}
    expected |= {name: ROOT / source for source, name in package_files().items()}
    links = {link.name: link for link in LINKS.iterdir() if link.name != "__pycache__"}
    assert {name: link.resolve() for name, link in links.items()} == expected
    assert all(link.is_symlink() for link in links.values())


def test_product_folders_are_no_packages_of_their_own() -> None:
    names = {Path(name).name for name in product_files()}
    assert "__init__.py" not in names
    assert [name for name in product_files() if name.endswith("py.typed")] == ["cli/py.typed"]


def test_an_editable_install_makes_the_links_that_an_sdist_lacks(tmp_path: Path) -> None:
    table = wheel_table()
    for name in table["only-include"]:
        (tmp_path / name).mkdir()
    for source in map(tmp_path.joinpath, package_files()):
        source.parent.mkdir(parents=True, exist_ok=True)
        source.touch()
    for _ in range(2):  # the second time finds them
        link_hook().make_links(tmp_path, table["only-include"], package_files())
    made = {link.name: os.readlink(link) for link in (tmp_path / ".links" / "adabench").iterdir()}
    committed = {link.name: os.readlink(link) for link in LINKS.iterdir() if link.is_symlink()}
    assert made == committed


def test_the_sdist_has_what_development_needs_and_no_links(built: Built) -> None:
    files = {path.relative_to(built.source).as_posix() for path in built.source.rglob("*")}
    assert product_files() <= files
    assert not [path for path in built.source.rglob("*") if path.is_symlink()]
    for needed in ("Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
                   "CITATION.cff", "SECURITY.md", "hatch_build.py", "pyproject.toml", ".ci/run",
                   "checks/allowed.toml", "docs/generate.py", "docs/help.md",
                   "tests/test_packaging.py", ".github/workflows/test.yml"):  # fmt: skip
        assert needed in files, needed


def test_an_sdist_is_installed_editable(built: Built, tmp_path: Path) -> None:
    """What `pip install -e .` does with an unpacked sdist, without pip."""
    from hatchling.builders.wheel import WheelBuilder

    root = tmp_path / "checkout"
    shutil.copytree(built.source, root, ignore=shutil.ignore_patterns("*.safetensors"))
    [wheel] = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["editable"])
    archive = zipfile.ZipFile(wheel)
    [path_file] = [name for name in archive.namelist() if name.endswith(".pth")]
    assert not [name for name in archive.namelist() if name.startswith("adabench/")]
    assert archive.read(path_file).decode().split() == [str(root / ".links")]
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "import adabench, adabench.__main__, adabench.cli.main as main\n"
        "print(json.dumps([adabench.__file__, main.__file__]))"
    )
    package = root / ".links" / "adabench"
    assert in_python(code, str(root / ".links")) == [
        str(package / "__init__.py"), str(package / "cli" / "main.py"),
    ]  # fmt: skip


def test_the_wheel_holds_every_product_file_in_one_package(built: Built) -> None:
    names = zipfile.ZipFile(built.wheel).namelist()
    shipped = {name for name in names if ".dist-info/" not in name}
    expected = {f"adabench/{name}" for name in product_files() - set(package_files())}
    expected |= {f"adabench/{name}" for name in package_files().values()}
    assert shipped == expected


def test_the_wheel_is_small_enough_to_install(built: Built) -> None:
    size = built.wheel.stat().st_size
    assert size <= WHEEL_BYTES, (
        f"the wheel has {size / 1e6:.1f} MB; `unzip -v` lists what is large: store weights as int8, "
        "and ship no file twice"
    )


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["run", "--help"]])
def test_starting_up_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import json, sys; sys.argv = ['adabench', *json.loads(sys.argv[1])]\n"
        "from adabench.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    loaded = in_python(code, json.dumps(arguments))
    assert not {*loaded} & {*HEAVY}
    assert [name for name in loaded if name.startswith("adabench.workloads.")] == []


def test_every_help_page_is_short() -> None:
    from typer.testing import CliRunner

    from adabench.cli.main import app

    group = typer.main.get_command(app)
    verbs = list(getattr(group, "commands", {}))
    assert "run" in verbs
    for verb in verbs:
        page = CliRunner().invoke(app, [verb, "--help"], terminal_width=78)
        assert page.exit_code == 0
        assert len(page.stdout.splitlines()) < 60, verb


def extras() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(project["optional-dependencies"])


def test_every_extra_that_is_named_exists_and_has_a_row_on_the_page_of_installing() -> None:
    code = "\n".join((ROOT / name).read_text() for name in product_files() if name.endswith(".py"))
    named = set(re.findall(r'extra="(\w+)"', code)) | set(re.findall(r"adabench\[(\w+)\]", code))
    assert {"models", "endpoint", "litellm", "cluster"} <= named <= set(extras())
    page = (ROOT / "docs" / "start" / "install.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in extras())


def test_all_holds_every_extra_but_the_one_that_breaks_ray() -> None:
    given = extras()
    held = set(re.findall(r"\w+", given["all"][0].partition("[")[2]))
    assert held == set(given) - {"all", "zeus", "paper", "real", "serve"}


def test_each_job_of_a_user_is_installed_from_the_wheel_and_tried() -> None:
    yaml = pytest.importorskip("yaml", reason="the workflow is read with PyYAML")
    document = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    matrix = document["jobs"]["extras"]["strategy"]["matrix"]["extra"]
    assert {"models", "endpoint", "litellm", "cluster", "paper", "all"} == set(matrix)
    script = (ROOT / ".ci" / "extra").read_text()
    cases = re.findall(r"^  ([a-z |]+)\)", script, re.MULTILINE)
    assert {name for line in cases for name in line.split(" | ")} == set(matrix)


OFFLINE = """
import socket
class Refused(socket.socket):
    def connect(self, address):
        raise OSError(f"no network in this test: {address}")
socket.socket = Refused
"""


@pytest.mark.slow
def test_the_wheel_works_elsewhere_without_extras_or_network(built: Built, tmp_path: Path) -> None:
    """Read verbs and a run, in an environment that has the core dependencies and no network."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", str(built.wheel)]
    subprocess.run(command, check=True)
    [site] = (tmp_path / "env" / "lib").glob("python*/site-packages")
    borrow_core(site)
    (site / "sitecustomize.py").write_text(OFFLINE)
    program = str(python.with_name("adabench"))
    environment = {**os.environ, "ADABENCH_CACHE": str(tmp_path / "cache")}
    environment.pop("PYTHONPATH", None)
    for words in (["list"], ["--help"], ["run", "paging", "--seeds", "0", "--out", "run"],
                  ["report", "run"], ["claims", "run"], ["publish", "site", "run"]):  # fmt: skip
        done = subprocess.run([program, *words], cwd=tmp_path, env=environment,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
    code = "import adabench; print(adabench.__file__)"
    command = [str(python), "-P", "-c", code]
    where = subprocess.run(command, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(site))


def borrow_core(site: Path) -> None:
    """Link the core dependencies and what they need; nothing that only an extra brings."""
    waiting, names = ["adabench"], set[str]()
    while waiting:
        for line in importlib.metadata.requires(waiting.pop()) or ():
            need, _, marker = line.partition(";")
            [name] = re.findall(r"^[\w.-]+", need)
            if "extra" not in marker and name not in names and is_installed(name):
                names.add(name)
                waiting.append(name)
    for file in (file for name in names for file in importlib.metadata.files(name) or ()):
        top = file.parts[0]
        source = Path(str(file.locate())).parents[len(file.parts) - 1] / top
        if top not in ("..", "__pycache__") and not (site / top).exists():
            (site / top).symlink_to(source)


def is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
