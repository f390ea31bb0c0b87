"""Kernels on disk: shared by all checkouts, never stale, and no reason for anything to fail."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from numba import njit

from adabench.harness.store import compiled_kernels
from adabench.harness.store.compiled_kernels import KernelCache, sweep
from adabench.workloads.shared.compiled.kernels import cached, callback, compiled, keyed
from tests.workloads.planted_module import load_module

PACKAGE = {
    "__init__.py": "",
    "part.py": "from numba import njit\n\n\n@njit\ndef more(x):\n    return x + 2\n",
    "loop.py": (
        "from adabench.workloads.shared.compiled.kernels import compiled\n"
        "from cached_kernels.part import more\n\n\n"
        "@compiled\ndef total(x):\n    return more(x) * 10\n"
    ),
}
CALL = """
from cached_kernels.loop import total
assert total({x}) == {expected}, total({x})
print(sum(total.stats.cache_hits.values()), sum(total.stats.cache_misses.values()))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where kernels of the test lie; what it imports is not seen by others."""
    monkeypatch.setenv("ADABENCH_KERNELS", str(tmp_path / "kernels"))
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    for name in (
        "cached_kernels",
        "cached_kernels.part",
        "cached_kernels.loop",
        "kernel_of_a_test",
    ):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    return tmp_path / "kernels"


def checkout(root: Path) -> Path:
    """Lay out a package of two modules, as a clone does."""
    package = root / "cached_kernels"
    package.mkdir(parents=True)
    for name, text in PACKAGE.items():
        write(package / name, text)
    return package


def write(path: Path, text: str) -> None:
    """Write a file that is older than this process, and no older than what it said before."""
    age_s = path.stat().st_mtime + 1 if path.exists() else 1e9
    path.write_text(text)
    os.utime(path, (age_s, age_s))


def imported(root: Path) -> Any:
    """Return the kernel of a checkout as a new process has it."""
    for name in ("cached_kernels", "cached_kernels.part", "cached_kernels.loop"):
        del sys.modules[name]
    sys.path[0] = str(root)
    importlib.invalidate_caches()
    return importlib.import_module("cached_kernels.loop").total


def started(root: Path, x: object, expected: object) -> subprocess.Popen[str]:
    """Call the kernel of a checkout in a process of its own."""
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", CALL.format(x=x, expected=expected)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def counted(process: subprocess.Popen[str]) -> list[int]:
    """Return the hits and misses that a process counted."""
    out, errors = process.communicate()
    assert not process.returncode, errors
    return [int(word) for word in out.split()]


def kernel(path: Path, factor: int = 2) -> Any:
    """Write a module and return its kernel as a new process has it."""
    write(path, f"def scaled(x):\n    return x * {factor}\n")
    return compiled(load_module(path).scaled)


def was_on_disk(made: Any) -> bool:
    """Say whether the kernel that was called once was taken from the disk."""
    hits, misses = made.stats.cache_hits, made.stats.cache_misses
    assert sum(hits.values()) + sum(misses.values()) == 1
    return bool(hits)


def test_a_second_checkout_compiles_nothing(tmp_path: Path, folder: Path) -> None:
    checkout(tmp_path / "first")
    checkout(tmp_path / "second")
    os.utime(tmp_path / "second" / "cached_kernels" / "loop.py", (1e9, 1e9))
    total = imported(tmp_path / "first")
    assert total(1) == 30
    assert not was_on_disk(total)
    assert counted(started(tmp_path / "second", 1, 30)) == [1, 0]
    total = imported(tmp_path / "first")
    assert total(1) == 30
    assert was_on_disk(total)
    assert {path.parent.parent for path in tmp_path.rglob("*.nbi")} == {folder}


def test_an_edit_of_what_a_kernel_imports_compiles_anew(tmp_path: Path, folder: Path) -> None:
    part = checkout(tmp_path / "a") / "part.py"
    plain = part.read_text()
    for text, expected, on_disk in (
        (plain, 30, False),
        (plain.replace("x + 2", "x + 50"), 510, False),
        (plain.replace("x + 2", "x + 50"), 510, True),
        ('"""Prose."""\n' + plain, 30, True),  # prose is no code
    ):
        write(part, text)
        total = imported(tmp_path / "a")
        assert total(1) == expected
        assert was_on_disk(total) == on_disk


def test_a_setting_that_changes_code_has_its_own_kernels(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, found = tmp_path / "m.py", []
    for name in ("NUMBA_NUM_THREADS", "NUMBA_BOUNDSCHECK"):
        for value in ("0", "1"):
            monkeypatch.setenv(name, value)
            found.append(kernel(path))
            monkeypatch.delenv(name)
    places = [made.stats.cache_path for made in found]
    assert places[0] == places[1] == kernel(path).stats.cache_path
    assert len(set(places)) == 3


def test_processes_that_compile_at_once_leave_the_code_of_each(
    tmp_path: Path, folder: Path
) -> None:
    checkout(tmp_path / "a")
    asked = {1: 30, 2.5: 45.0}
    for process in [started(tmp_path / "a", x, expected) for x, expected in asked.items()]:
        assert counted(process) == [0, 1]
    for x, expected in asked.items():
        total = imported(tmp_path / "a")
        assert total(x) == expected
        assert was_on_disk(total)


def test_what_was_edited_while_the_process_runs_is_not_kept(tmp_path: Path, folder: Path) -> None:
    part = checkout(tmp_path / "a") / "part.py"
    part.write_text(part.read_text().replace("x + 2", "x + 50"))  # after it was imported, maybe
    total = imported(tmp_path / "a")
    assert total(1) == 510
    assert total.stats.cache_path is None
    assert not folder.exists()


def test_what_carries_no_digest_is_left_to_numba(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "theirs.py"
    path.write_text(
        "from numba import njit\n\n\n@njit(cache=True)\ndef one(x):\n    return x + 1\n"
    )
    theirs = load_module(path).one
    assert theirs(1) == 2
    assert theirs.stats.cache_path == str(tmp_path / "__pycache__")
    assert not isinstance(theirs._cache, KernelCache)
    assert not folder.exists()


def test_what_has_no_file_is_not_kept(folder: Path) -> None:
    named: dict[str, Any] = {"__name__": "typed"}
    exec("def one(x):\n    return x + 1\n", named)  # noqa: S102
    made = compiled(named["one"])
    assert made(1) == 2
    assert made.stats.cache_path is None


def test_an_error_names_the_lines_of_its_own_file(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "m.py"
    assert kernel(path)(2) == 4
    write(path, "# A line.\n" + path.read_text())
    made = compiled(load_module(path).scaled)
    assert made(2) == 4
    assert not was_on_disk(made)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "flip": lambda whole: whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 255])
    + whole[len(whole) // 2 + 1 :],
    "empty": lambda whole: b"",
    "text": lambda whole: b"no kernel",
}  # fmt: skip


def test_a_damaged_file_is_compiled_anew(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "m.py"
    assert kernel(path)(2) == 4
    found = {}
    for ending in (".nbi", ".nbc"):
        for name, damage in DAMAGES.items():
            [file] = folder.glob(f"*/*{ending}")
            file.write_bytes(damage(file.read_bytes()))
            made = kernel(path)
            values = [made(2)]
            again = kernel(path)
            values.append(again(2))
            found[ending, name] = (values, was_on_disk(made), was_on_disk(again))
    assert len(found) == 2 * len(DAMAGES)
    assert {case: said for case, said in found.items() if said != ([4, 4], False, True)} == {}


def test_code_of_another_signature_is_refused(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "m.py"
    made = kernel(path)
    assert (made(2), made(2.5)) == (4, 5.0)
    one, other = sorted(folder.glob("*/*.nbc"))
    shutil.copy(other, one)
    made = kernel(path)
    assert (made(2), made(2.5)) == (4, 5.0)
    assert len(made.stats.cache_hits) == 1
    made = kernel(path)
    assert (made(2), made(2.5)) == (4, 5.0)
    assert len(made.stats.cache_hits) == 2


def test_a_planted_kernel_of_other_sources_is_refused(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "m.py"
    assert kernel(path)(2) == 4
    [stale] = folder.iterdir()
    assert kernel(path, 3)(2) == 6
    [fresh] = [one for one in folder.iterdir() if one != stale]
    for file in stale.iterdir():
        shutil.copy(file, fresh / file.name)
    made = kernel(path, 3)
    assert made(2) == 6
    assert not was_on_disk(made)


@pytest.mark.parametrize("place", ["/proc/nowhere", "{tmp}/file/kernels", "{tmp}/everybody"])
def test_a_folder_that_cannot_be_used_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "everybody").mkdir()
    (tmp_path / "everybody").chmod(0o777)
    monkeypatch.setenv("ADABENCH_KERNELS", place.format(tmp=tmp_path))
    made = kernel(tmp_path / "m.py")
    assert made(2) == 4
    assert made.stats.cache_path == str(tmp_path / "__pycache__")
    assert not [*(tmp_path / "everybody").iterdir()]
    again = compiled(load_module(tmp_path / "m.py").scaled)
    assert again(2) == 4
    assert was_on_disk(again)


def test_a_disk_that_nobody_can_write_to_is_no_error(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_kernels._Kernels, "_locator_classes", [])
    made = kernel(tmp_path / "m.py")
    assert made(2) == 4
    assert made.stats.cache_path is None


def test_a_folder_that_goes_while_it_is_used_is_no_error(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "m.py"
    made = kernel(path)
    assert made(2) == 4
    shutil.rmtree(folder)
    assert made(2.5) == 5.0
    folder.rename(tmp_path / "away")
    folder.write_text("")
    assert made(2j) == 4j


def test_signatures_and_callbacks_are_taken_from_the_disk(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "m.py"
    kernel(path)
    for hits in (0, 1):
        function = keyed(load_module(path).scaled)
        made = cached(function, "int64(int64)")
        assert made.nopython_signatures
        assert sum(made.stats.cache_hits.values()) == hits
        assert made(2) == 4
        with pytest.raises(TypeError):
            made(2j)
    for hits in (0, 1):
        made = callback(keyed(load_module(path).scaled), "float64(float64)")
        assert (made.ctypes(2.5), made.cache_hits) == (5.0, hits)


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "used", "old", "oldest")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kernel.nbc").write_bytes(bytes(1000))
        os.utime(tmp_path / name, (1e9 - age * 1e6,) * 2)
    sweep(tmp_path, 4000)
    assert len([*tmp_path.iterdir()]) == 4
    sweep(tmp_path, 3000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "used"]
    sweep(tmp_path / "nowhere", 0)


def test_a_kernel_that_is_taken_is_young_again(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "m.py"
    assert kernel(path)(2) == 4
    [place] = folder.iterdir()
    os.utime(place, (1e9, 1e9))
    made = kernel(path)
    assert made(2) == 4
    assert was_on_disk(made)
    assert place.stat().st_mtime > 1e9


def test_a_numba_of_before_or_after_has_kernels_of_its_own(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.py"
    assert kernel(path)(2) == 4
    monkeypatch.setattr(compiled_kernels, "_versions", lambda: ("numba 0.1",))
    made = kernel(path)
    assert made(2) == 4
    assert not was_on_disk(made)


def test_plain_numba_still_compiles_without_a_disk(folder: Path) -> None:
    @njit
    def one(x: int) -> int:
        return x + 1

    assert one(1) == 2
    assert one.stats.cache_path is None
