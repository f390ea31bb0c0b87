"""`adabench hardware` from the outside: pin, check, diff, and runs that are held to a profile."""

import json
import sys
from dataclasses import replace

import pytest

from adabench.cli.commands import hardware as verb
from adabench.cli.main import main
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.provenance.hardware_profile import pinned_folder, read_profile
from adabench.profilers.hardware import fingerprint as prints
from adabench.profilers.hardware import machine_profile as hardware
from adabench.profilers.hardware.ceilings import QUICK_S
from adabench.profilers.hardware.fingerprint import Gpu
from adabench.profilers.hardware.machine_profile import Profile
from adabench.profilers.hardware.noise import OtherLoad
from tests.cli.program import adabench
from tests.suite.leaks import same_handlers

BOARD = Gpu("Some Board", "GPU", False, 2**34, 300.0, 300.0, 1980, 2619)


pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def own():
    """This machine's profile, its ceilings left out."""
    return Profile(prints.fingerprint(), {}, OtherLoad(0.0, 0.0), 0.0, False)


@pytest.fixture
def file(tmp_path):
    def write(profile):
        path = tmp_path / "machine.toml"
        path.write_text(hardware.to_toml(profile))
        return path

    return write


def changed(own, **facts):
    return replace(own, fingerprint=replace(own.fingerprint, **facts))


def test_what_was_pinned_is_checked_again(tmp_path, monkeypatch, capsys):
    """The ceilings are measured once; on a busy machine a second time gives others."""
    measured = hardware.pin(seconds=QUICK_S)
    monkeypatch.setattr(hardware, "pin", lambda **_: measured)

    def said(*words):
        monkeypatch.setattr(sys, "argv", ["adabench", *map(str, words)])
        with same_handlers(), pytest.raises(SystemExit) as ended:
            main()
        out, talk = capsys.readouterr()
        assert not ended.value.code, out + talk
        return out

    path = tmp_path / "here.toml"
    path.write_text(said("hardware", "pin"))
    found = json.loads(said("hardware", "check", path, "--json"))
    assert found["same"]
    assert {row["verdict"] for row in found["ceilings"]} <= {"same", "not judged"}


@pytest.mark.slow
def test_pin_then_check_passes_twenty_times_of_twenty(tmp_path):
    path = tmp_path / "here.toml"
    path.write_text(adabench("hardware", "pin").stdout)
    failures = [
        done.stderr
        for done in (adabench("hardware", "check", path) for _ in range(20))
        if done.returncode != 0
    ]
    assert failures == []


@pytest.mark.parametrize(
    ("facts", "keys"),
    [
        ({"cores": 77}, ["cores"]),
        ({"torch": "1.0"}, ["torch"]),
        ({"gpus": (BOARD,)}, ["gpu0.name", "gpu0.power_limit_w"]),
    ],
)
def test_another_machine_is_refused_by_name_with_exit_3(own, file, facts, keys):
    done = adabench("hardware", "check", file(changed(own, **facts)))
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert all(key in done.stderr for key in keys)


@pytest.mark.parametrize(
    ("board", "key"),
    [
        (replace(BOARD, name="Another Board"), "gpu0.name"),
        (replace(BOARD, power_limit_w=250.0), "gpu0.power_limit_w"),
    ],
)
def test_one_changed_fact_of_a_board_is_refused_and_it_alone_is_named(
    own, file, monkeypatch, board, key
):
    here = replace(own.fingerprint, gpus=(BOARD,))
    monkeypatch.setattr(prints, "fingerprint", lambda machine=None: here)
    path = file(changed(own, gpus=(board,)))
    with pytest.raises(EnvironmentProblem) as refused:
        verb.check(str(path), identity=True)
    assert refused.value.exit_code == 3
    named = [word for word in refused.value.message.split() if word.startswith("gpu0.")]
    assert named == [key]


def test_two_files_are_held_against_each_other(own, file, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(hardware.to_toml(changed(own, cores=77)))
    same, differs = adabench("hardware", "diff", other, other), None
    assert same.returncode == 0
    differs = adabench("hardware", "diff", file(own), other, "--json")
    assert differs.returncode == 1
    [row] = json.loads(differs.stdout)["differences"]
    assert (row["key"], row["now"]) == ("cores", 77)


@pytest.mark.parametrize("text", ["not toml [", "schema = 2"])
def test_a_file_that_is_no_profile_ends_in_a_sentence(tmp_path, text):
    path = tmp_path / "x.toml"
    path.write_text(text)
    for words in (("check", path), ("diff", path, path), ("check", tmp_path / "none.toml")):
        done = adabench("hardware", *words)
        assert done.returncode == 2
        assert "pin > FILE.toml" in done.stderr


def test_every_shipped_profile_can_be_read_by_its_name_and_names_no_host():
    import socket

    names = [path.stem for path in pinned_folder().glob("*.toml")]
    assert names
    for name in names:
        assert read_profile(name).ceilings
        assert socket.gethostname() not in (pinned_folder() / f"{name}.toml").read_text()
    with pytest.raises(SelectionError):
        read_profile("no-such-machine")


def test_a_run_refuses_another_machine_and_goes_on_when_told_to(own, file, toy_env, tmp_path):
    path = file(changed(own, cores=77))
    words = ("run", "roots/fixed", "--no-sweep", "--seeds", "0", "--hardware", path)
    refused = adabench(*words, "--out", tmp_path / "no", env=toy_env)
    assert refused.returncode == 3
    assert "cores (77 then" in refused.stderr
    assert "--allow-hardware-mismatch" in refused.stderr
    assert not (tmp_path / "no").exists()
    done = adabench(*words, "--allow-hardware-mismatch", "--out", tmp_path / "yes", env=toy_env)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "yes" / "run.json").read_text())
    assert manifest["profile"]["differs"][0].startswith("cores (77 then")
    assert "not that of the hardware profile machine" in done.stderr
    assert "cores (77 then" in (tmp_path / "yes" / "report.html").read_text()


def test_a_trace_on_another_machine_hints_at_what_a_trace_can_do(own, file, toy_env, tmp_path):
    words = ("trace", "roots/fixed", "--hardware", file(changed(own, cores=77)))
    refused = adabench(*words, "--out", tmp_path / "no", env=toy_env)
    assert refused.returncode == 3
    assert "--allow-hardware-mismatch" not in refused.stderr
    assert "leave --hardware out" in refused.stderr


def test_a_run_on_its_own_machine_is_not_marked(own, file, toy_env, tmp_path):
    words = ("run", "roots/fixed", "--no-sweep", "--seeds", "0", "--hardware", file(own))
    done = adabench(*words, "--out", tmp_path / "r", "--no-report", env=toy_env)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "r" / "run.json").read_text())
    assert manifest["profile"]["differs"] == []
    assert "hardware profile" not in done.stderr


def test_a_profile_is_needed_to_be_off_it(toy_env, tmp_path):
    done = adabench(
        "run", "roots/fixed", "--allow-hardware-mismatch", "--out", tmp_path / "r", env=toy_env
    )
    assert done.returncode == 2
    assert "--hardware" in done.stderr
