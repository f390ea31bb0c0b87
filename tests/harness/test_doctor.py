import json
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from adabench.harness import doctor
from adabench.harness.doctor import Package, Store, Timer, examine, examine_cache, examine_packages


def timer(**changes):
    calm = {
        "resolution_s": 1e-9,
        "pair_s": 1e-7,
        "unit_s": 1e-4,
        "samples": 100,
        "median_s": 1e-4,
        "p95_s": 1e-4,
        "spread": 0.01,
        "disturbed": 0.0,
        "undisturbed_median_s": 1e-4,
    }
    return Timer(**(calm | changes))


GOOD_STORE = Store("~/cache", True, 0, 0, "")


def test_an_examination_is_json_with_every_section():
    found = json.loads(json.dumps(examine(noise_s=0.02).to_json()))
    assert set(found) == {"machine", "instruments", "packages", "timer", "cache", "advice"}
    assert found["timer"]["samples"] >= 200
    assert 0 < found["timer"]["median_s"] <= found["timer"]["p95_s"]
    assert 0 < found["timer"]["pair_s"] < 1e-4
    assert str(Path.home()) + "/" not in json.dumps(found)


def test_examining_imports_no_torch():
    code = (
        "import sys; from adabench.harness.doctor import examine; examine(0.01);"
        "print([name for name in ('torch', 'numpy', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_packages_come_from_the_metadata_with_the_extra_that_brings_them(monkeypatch):
    lines = [
        "numpy<3,>=2",
        'no-such-package>=1; extra == "milp"',
        "no.such_other>=1; platform_system == 'Linux' and extra == 'kernels'",
        'no-such-package>=1; extra == "all"',
    ]
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: lines)
    core, other, milp = examine_packages()
    assert (core.name, core.extra, core.remedy) == ("numpy", "", "")
    assert core.version
    assert milp == Package("no-such-package", "milp", None, "pip install 'adabench[milp]'")
    assert (other.name, other.extra) == ("no.such_other", "kernels")


def test_share_and_median_of_undisturbed_samples(monkeypatch):
    laps = [100_000, 100_000, 100_000, 9_000_000]
    monkeypatch.setattr(doctor, "_watch", lambda seconds: (laps, [0, 0, 0, 8_900_000]))
    found = doctor.examine_timer()
    assert found.disturbed == 0.25
    assert found.undisturbed_median_s == pytest.approx(100e-6)


def test_where_the_kernel_is_silent_the_share_is_unknown_and_not_zero(monkeypatch):
    monkeypatch.setattr(doctor, "witnessed", lambda *_: (array("q", [100_000] * 200), None))
    found = doctor.examine_timer(noise_s=0.0)
    assert found.disturbed is None
    assert found.undisturbed_median_s is None


def test_a_good_machine_gets_no_advice_and_a_bad_one_gets_a_sentence_for_each_ill():
    have = Package("numpy", "", "2.0", "")
    assert list(doctor._advice(timer(), [have], GOOD_STORE)) == []
    lack = Package("torch", "", None, "pip install adabench")
    optional = Package("scipy", "algorithms", None, "pip install 'adabench[algorithms]'")
    store = Store("~/cache", False, 0, 0, "Set ADABENCH_CACHE to a folder.")
    advice = list(doctor._advice(timer(disturbed=0.5, spread=0.4), [lack, optional], store))
    assert len(advice) == 4
    for words in ("torch", "50%", "40%", "ADABENCH_CACHE"):
        assert sum(words in sentence for sentence in advice) == 1
    assert not any("scipy" in sentence for sentence in advice)


def test_the_cache_is_counted_and_nothing_is_left_in_it(tmp_path):
    (tmp_path / "one.pickle").write_bytes(b"12345")
    found = examine_cache(tmp_path)
    assert (found.writable, found.prepared, found.prepared_bytes) == (True, 1, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["one.pickle"]


def test_a_cache_that_does_not_exist_is_not_made(tmp_path):
    found = examine_cache(tmp_path / "a" / "b")
    assert found.writable
    assert not (tmp_path / "a").exists()


def test_a_cache_that_cannot_be_written_comes_with_a_remedy(tmp_path):
    (tmp_path / "file").write_text("in the way")
    found = examine_cache(tmp_path / "file" / "cache")
    assert not found.writable
    assert "ADABENCH_CACHE" in found.remedy


def test_a_folder_under_home_is_written_without_saying_whose(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert examine_cache(tmp_path / "cache").folder == "~/cache"
