"""Figures and tables for papers: their size, their words, their bytes, and what must not break
them.
"""

import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path

import pytest

from adabench.harness.analysis.findings import Findings, SummaryRow
from adabench.reports.paper import figures, latex_tables, print_style
from adabench.reports.tables.cells import Cell, Column, Sheet

pytestmark = pytest.mark.xdist_group("paper")  # one set-up for all of them


@pytest.fixture(scope="module")
def written(findings: Findings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers")
    paths = figures.save_all(findings, folder)
    assert sorted(paths) == sorted(folder.iterdir())
    return folder


@pytest.fixture(scope="module")
def plain(findings: Findings) -> Sequence[figures.PaperFigure]:
    """The figures of the run, drawn once."""
    return tuple(figures.figures(findings))


def test_every_figure_is_there_in_three_formats(written: Path) -> None:
    stems = {path.stem for path in written.glob("*.pdf")}
    assert {
        "quality-cost-paging",
        "quality-cost-chain",
        "oracle-gap",
        "curves-paging-noise",
    } <= stems
    assert "quality-cost-paging-latency-s" in stems
    for stem in stems:
        for kind in ("svg", "pdf", "png"):
            assert (written / f"{stem}.{kind}").stat().st_size > 1000


def test_an_estimated_energy_is_no_axis(written: Path) -> None:
    assert not list(written.glob("quality-cost-paging-energy*"))
    assert (written / "quality-cost-chain-energy-j.pdf").exists()


def test_figures_are_one_column_wide(written: Path) -> None:
    for path in written.glob("*.png"):
        width = struct.unpack(">I", path.read_bytes()[16:20])[0]
        assert width == pytest.approx(print_style.COLUMN_IN * print_style.PNG_DPI, abs=1), path.name
    for path in written.glob("*.svg"):
        [width] = re.findall(r'width="([\d.]+)pt"', path.read_text(encoding="utf-8"))[:1]
        assert float(width) == pytest.approx(print_style.COLUMN_IN * 72, abs=0.1)


def test_pdf_letters_are_truetype_and_svg_needs_no_font(written: Path) -> None:
    assert all(b"/Type3" not in path.read_bytes() for path in written.glob("*.pdf"))
    assert all(b"/CIDFontType2" in path.read_bytes() for path in written.glob("*.pdf"))
    assert all("<text" not in path.read_text(encoding="utf-8") for path in written.glob("*.svg"))


def test_the_same_run_gives_the_same_bytes(
    findings: Findings, written: Path, tmp_path: Path
) -> None:
    [drawn] = [d for d in figures.figures(findings) if d.stem == "quality-cost-paging"]
    for path in print_style.save(drawn.figure, tmp_path, drawn.stem):
        assert path.read_bytes() == (written / path.name).read_bytes(), path.name


def test_names_are_eight_at_most_whole_and_none_over_another(
    plain: Sequence[figures.PaperFigure],
) -> None:
    for drawn in plain:
        axes = drawn.figure.axes[0]
        drawn.figure.canvas.draw()
        names = [text for text in axes.texts if text.get_transform() == axes.transAxes]
        boxes = [text.get_window_extent() for text in names if text.get_text()]
        assert len(boxes) <= 8
        # One method alone has joules in this run.
        least = {"quality": 1 if "energy" in drawn.stem else 5}.get(drawn.stem.split("-")[0], 0)
        assert len(boxes) >= least, drawn.stem
        whole = drawn.figure.bbox
        for i, box in enumerate(boxes):
            assert "…" not in names[i].get_text()
            assert whole.x0 <= box.x0 < box.x1 <= whole.x1, (drawn.stem, names[i].get_text())
            assert whole.y0 <= box.y0 < box.y1 <= whole.y1, (drawn.stem, names[i].get_text())
            for other in boxes[i + 1 :]:
                apart = box.x1 <= other.x0 or other.x1 <= box.x0
                over = min(box.y1, other.y1) - max(box.y0, other.y0)
                assert apart or over < 0.35 * box.height, drawn.stem


def test_ticks_do_not_stand_over_each_other(plain: Sequence[figures.PaperFigure]) -> None:
    for drawn in plain:
        axes = drawn.figure.axes[0]
        drawn.figure.canvas.draw()
        low, high = axes.get_xlim()
        ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        boxes = [label.get_window_extent() for x, label in ticks if low <= x <= high]
        boxes.sort(key=lambda box: box.x0)
        for box, following in pairwise(boxes):
            assert box.x1 <= following.x0 + 1, drawn.stem


def test_ticks_of_an_error_over_decades_do_not_either(findings: Findings) -> None:
    def decades(row: SummaryRow) -> SummaryRow:
        noise = row.conditions.get("noise")
        steps = {0.0: 0.0, 0.1: 1.0, 0.3: 100.0, 0.5: 10_000.0, 1.0: 100_000.0}
        if noise is None:
            return row
        return replace(row, conditions={**row.conditions, "noise": steps[noise]})

    wide = replace(findings, summary=tuple(decades(row) for row in findings.summary))
    every = tuple(figures.figures(wide))
    test_ticks_do_not_stand_over_each_other(every)
    [drawn] = [d for d in every if d.stem == "curves-paging-noise"]
    words = [label.get_text() for label in drawn.figure.axes[0].get_xticklabels()]
    assert words == ["0", "1", "100", "10000", "100000"]


def in_millions(findings: Findings) -> Findings:
    """Return the same with counts that are wide when written out, and no oracle to divide by."""
    rows = tuple(
        replace(row, metrics=row.metrics | {"faults": replace(row.metrics["faults"], estimate=big)})
        if "faults" in row.metrics
        else row
        for big, row in zip(count(14_000_000, 10_000), findings.summary)
        if row.method != "belady"
    )
    return replace(findings, summary=rows)


def test_wide_counts_have_room_beside_the_axis(findings: Findings) -> None:
    for drawn in figures.figures(in_millions(findings)):
        axes = drawn.figure.axes[0]
        drawn.figure.canvas.draw()
        low, high = axes.get_ylim()
        for y, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
            if low <= y <= high:
                assert label.get_window_extent().x0 >= 0, (drawn.stem, label.get_text())


def test_a_knob_over_decades_stands_on_a_logarithmic_axis(
    findings: Findings, plain: Sequence[figures.PaperFigure]
) -> None:
    def decades(row: SummaryRow) -> SummaryRow:
        noise = {0.0: 0.001, 0.1: 0.01, 0.3: 0.1, 0.5: 0.3, 1.0: 1.0}
        known = dict(row.conditions)
        return (
            replace(row, conditions=known | {"noise": noise[known["noise"]]})
            if "noise" in known
            else row
        )

    wide = replace(findings, summary=tuple(decades(row) for row in findings.summary))
    [drawn] = [d for d in figures.figures(wide) if d.stem == "curves-paging-noise"]
    assert drawn.figure.axes[0].get_xscale() == "log"
    [drawn] = [d for d in plain if d.stem == "curves-paging-noise"]
    assert drawn.figure.axes[0].get_xscale() == "linear"


def test_latex_is_escaped_and_balanced(findings: Findings, written: Path, hostile: str) -> None:
    for path in written.glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        bare = re.sub(r"\\[\\{}$&#%_]", "", text)
        assert bare.count("{") == bare.count("}"), path.name
        assert "<script>" not in text
        columns = {line.count("&") for line in bare.splitlines() if " & " in line}
        assert len(columns) <= 1, path.name
    assert r"\textless{}script\textgreater{}" in (written / "claims.tex").read_text()


def test_what_latex_reads_otherwise_is_text() -> None:
    assert latex_tables.escape(r"a_b & 50% of $x^2 \n {y}~z") == (
        r"a\_b \& 50\% of \$x\textasciicircum{}2 \textbackslash{}n \{y\}\textasciitilde{}z"
    )
    assert latex_tables.escape("10 µs × 3 ≤ 4 – [a]\u202e") == (
        r"10 $\mu$s $\times$ 3 $\leq$ 4 -- {[}a{]}"
    )


def test_a_missing_number_is_a_dash_and_never_a_zero() -> None:
    sheet = Sheet("T", (Column("a", right=False), Column("b")), ((Cell("x"), Cell("–")),))
    [row] = [line for line in latex_tables.latex(sheet, "t").splitlines() if line.startswith("x")]
    assert row == r"x & -- \\"


def test_tables_say_what_the_reports_say(findings: Findings, written: Path) -> None:
    text = (written / "oracle-gap.md").read_text(encoding="utf-8")
    assert "| paging/mark0 | 0.97 [0.95, 0.99] |" in text.replace("\\_", "_")
    latex = (written / "oracle-gap.tex").read_text(encoding="utf-8")
    assert r"\textbf{paging/mark0} & \textbf{0.97}" in latex
    assert "{[}0.95, 0.99{]}" in latex


def test_a_run_of_nothing_gives_no_figure(findings: Findings, tmp_path: Path) -> None:
    empty = replace(findings, summary=(), gaps=(), speedups=(), claims=())
    assert not list(figures.figures(empty))


def test_pdflatex_takes_all_of_it(written: Path, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex on PATH")
    for path in written.iterdir():
        if path.suffix in (".tex", ".pdf"):
            shutil.copy(path, tmp_path)
    inputs = "\n".join(
        rf"\input{{{path.stem}}}\clearpage" for path in sorted(tmp_path.glob("*.tex"))
    )
    head = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
    (tmp_path / "all.tex").write_text(f"{head}\n{inputs}\n\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
