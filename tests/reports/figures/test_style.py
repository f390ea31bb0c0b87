import subprocess
import sys

from adabench.reports.figures.style import file_stem, strokes


def test_every_method_is_told_apart_without_colour(findings):
    looks = strokes(findings, "paging").values()
    assert len({look.mark for look in looks}) == len(looks)


def test_names_become_safe_file_names():
    assert file_stem("quality-cost", "../Paging x") == "quality-cost-paging-x"
    long = file_stem("history", "task/" + "m" * 300)
    assert len(long) == 120
    assert long != file_stem("history", "task/" + "m" * 301)
    assert len(file_stem("m" * 120)) == 120
    assert file_stem("m" * 120) == "m" * 120


def test_drawing_leaves_no_global_state_behind():
    code = (
        "import matplotlib, sys\n"
        "from adabench.reports.figures.style import SETTINGS, canvas, drawing\n"
        "before = [matplotlib.rcParams[name] for name in SETTINGS]\n"
        "with drawing(): canvas()\n"
        "assert [matplotlib.rcParams[name] for name in SETTINGS] == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
