import getpass
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.harness.provenance import environment
from adabench.harness.provenance.environment import (
    CHECKED,
    LATER,
    differences,
    fingerprint,
    git_state,
    source_digest,
    worker_differences,
)


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_fingerprint_is_plain_json_and_holds_every_checked_key():
    found = fingerprint()
    assert json.loads(json.dumps(found)) == found
    assert set(CHECKED) <= set(found)
    assert found["cores"] >= 1
    assert found["python_minor"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert found["adabench"]


def test_a_fingerprint_says_nothing_about_whose_machine_it_is():
    text = json.dumps(fingerprint())
    assert str(Path.home()) + "/" not in text
    assert str(environment._ROOT) not in text
    for secret in (socket.gethostname(), getpass.getuser()):
        assert json.dumps(secret) not in text


def test_equal_fingerprints_do_not_differ_and_load_does_not_count():
    found = fingerprint()
    assert differences(found, {**found, "load_average": [9.0, 9.0, 9.0], "git_dirty": None}) == {}


@pytest.mark.parametrize("key", CHECKED)
def test_every_checked_key_counts_with_both_values(key):
    found = fingerprint()
    assert differences(found, {**found, key: "another"}) == {key: (found[key], "another")}
    without = {name: value for name, value in found.items() if name != key}
    unknown = found[key] is None or key in LATER  # runs recorded before do not say
    expected = {} if unknown else {key: (None, found[key])}
    assert differences(without, found) == expected


def test_a_digest_depends_on_names_and_contents_alone(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "task.py").write_text("x = 1\n")
        (tmp_path / folder / "lru.py").write_text("y = 2\n")
    one = source_digest([tmp_path / "a" / "task.py", tmp_path / "a" / "lru.py"])
    assert one == source_digest([tmp_path / "b" / "lru.py", tmp_path / "b" / "task.py"])
    (tmp_path / "b" / "lru.py").write_text("y = 3\n")
    assert one != source_digest([tmp_path / "b" / "lru.py", tmp_path / "b" / "task.py"])
    (tmp_path / "a" / "lru.py").rename(tmp_path / "a" / "mru.py")
    assert one != source_digest([tmp_path / "a" / "task.py", tmp_path / "a" / "mru.py"])


def test_a_checkout_is_known_by_its_commit_and_whether_it_was_changed(tmp_path):
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path) == (None, True)
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    commit, dirty = git_state(tmp_path)
    assert len(commit) == 40
    assert dirty is False
    (tmp_path / "file").write_text("2")
    assert git_state(tmp_path) == (commit, True)


def test_a_folder_within_somebody_elses_checkout_is_no_checkout(tmp_path):
    git(tmp_path, "init", "-q")
    inner = tmp_path / "site-packages"
    inner.mkdir()
    assert git_state(inner) == (None, None)


def test_a_machine_without_git_has_no_commit(tmp_path, monkeypatch):
    git(tmp_path, "init", "-q")
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) == (None, None)


def test_taking_a_fingerprint_imports_none_of_what_it_names():
    code = (
        "import sys; from adabench.harness.provenance.environment import fingerprint; fingerprint();"
        "print([name for name in ('torch', 'numpy', 'numba', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_workers_are_alike_whatever_a_scheduler_gave_them():
    one = fingerprint() | {"machine_cores": 64, "gpus": ["Quill"] * 8, "driver": "1"}
    confined = {"cores": 1, "cpu_quota": 1.0, "gpus": ["Quill"], "visible_gpus": ["Quill"]}
    assert worker_differences(one, one | confined, gpus=True) == {}
    assert worker_differences(one, one | {"machine_cores": 32}, gpus=False) == {
        "machine_cores": (64, 32)
    }
    other = {"gpus": ["Pen"], "visible_gpus": ["Pen"], "driver": "2"}
    assert worker_differences(one, one | other, gpus=False) == {}
    assert worker_differences(one, one | other, gpus=True).keys() == {"gpus", "driver"}
    assert {"cores", "cpu_quota"} <= differences(one, one | confined | {"cores": 99}).keys()
