"""Packaging: links, the wheel's only top level, and what starting up imports."""

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = (
    "torch",
    "numpy",
    "pandas",
    "matplotlib",
    "rich",
    "numba",
    "adabench.workloads.algorithms.paging",
)


def test_links_match_what_the_wheel_includes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    links = {link.name: link for link in (ROOT / ".links" / "adabench").iterdir()}
    assert set(links) == set(included)
    for name, link in links.items():
        assert link.is_symlink()
        assert link.resolve() == ROOT / name
        assert (ROOT / name / "py.typed").exists()
        assert not (ROOT / name / "__init__.py").exists()


def test_the_wheel_built_from_the_sdist_holds_one_package(tmp_path: Path) -> None:
    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    [sdist] = SdistBuilder(str(ROOT)).build(directory=str(tmp_path))
    import tarfile

    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = [path for path in tmp_path.iterdir() if path.is_dir()]
    [wheel] = WheelBuilder(str(source)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"adabench"}
    for needed in ("cli/main.py", "workloads/algorithms/paging/methods/lru.py", "reports/report/template.html",
                   "reports/report/page/main.js", "reports/report/page/page.css", "reports/report/vendor/plot.js",
                   "reports/report/vendor/LICENSES.txt",
                   "workloads/algorithms/paging/data/traces/python_docs.xz", "harness/py.typed",
                   "profilers/hardware/pinned/intel-xeon-2-cores-vm.toml"):  # fmt: skip
        assert f"adabench/{needed}" in names


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["run", "--help"]])
def test_starting_up_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import json, sys; sys.argv = ['adabench', *json.loads(sys.argv[1])]\n"
        "from adabench.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, json.dumps(arguments)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert not loaded & set(HEAVY)


def test_every_help_page_is_short() -> None:
    program = str(Path(sys.executable).with_name("adabench"))
    verbs = ("run", "merge", "list", "show", "claims", "report", "explain", "publish", "compare", "gate", "check", "train", "doctor",
             "trace", "hardware")  # fmt: skip
    for verb in verbs:
        page = subprocess.run([program, verb, "--help"], capture_output=True, text=True, check=True)
        assert len(page.stdout.splitlines()) < 60, verb
