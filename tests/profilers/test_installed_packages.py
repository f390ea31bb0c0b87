"""What packages offer: one that is broken is named and left out, and ends nothing."""

import logging
from pathlib import Path

import pytest

from adabench.profilers import installed_packages

GROUP = "adabench.toys"


def install(folder: Path, name: str, points: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)


@pytest.mark.parametrize(
    "points",
    [
        f"[{GROUP}]\nno_value\n",
        f"[{GROUP}]\nbad = !!not a module\n",
        f"[{GROUP}]\nbad =\n",
        f"[{GROUP}]\nbad = a.b:c:d\n",
    ],
)
def test_a_broken_entry_point_is_named_and_hurts_no_other(
    points: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    install(tmp_path, "broken", points)
    install(tmp_path, "whole", f"[{GROUP}]\ngood = somewhere.toy\nother = somewhere:toy.it [x]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with caplog.at_level(logging.WARNING):
        found = installed_packages.entry_points(GROUP)
    assert [point.name for point in found] == ["good", "other"]
    assert "broken" in caplog.text


def test_what_is_broken_under_another_group_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(tmp_path, "foreign", "[console_scripts]\nno_value\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_packages.entry_points(GROUP) == ()
    assert caplog.text == ""


def test_of_two_of_one_name_the_first_on_the_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("later", "first"):
        (tmp_path / name).mkdir()
        install(tmp_path / name, name, f"[{GROUP}]\ntoy = {name}\n")
        monkeypatch.syspath_prepend(str(tmp_path / name))
    assert [point.value for point in installed_packages.entry_points(GROUP)] == ["first"]
