r"""Tables for a paper: LaTeX with booktabs, and Markdown, from the sheets that all reports show.

`\input{summary-paging}` sets a table; the preamble needs `\usepackage{booktabs}` and nothing
else. Every text is escaped; the few signs our tables use that pdfLaTeX's default fonts lack are
written in its own words. Running texts (a claim's words, reasons) become `p` columns.
"""

import re
from collections.abc import Sequence

from adabench.harness.analysis.findings import Findings
from adabench.reports import shown_points
from adabench.reports.figures.style import file_stem
from adabench.reports.tables.cells import Cell, Column, Sheet
from adabench.reports.tables.claim_sheets import claims_sheets
from adabench.reports.tables.sheets import gap_sheet, speedup_sheet, summary_sheet
from adabench.reports.tables.terminal import markdown

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "≤": r"$\leq$", "≥": r"$\geq$", "×": r"$\times$", "±": r"$\pm$", "−": r"$-$", "–": "--",
    "—": "---", "…": r"\dots{}", "·": r"$\cdot$", "µ": r"$\mu$", "μ": r"$\mu$", "ε": r"$\varepsilon$",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "→": r"$\rightarrow$", "∞": r"$\infty$",
    "²": r"$^2$", "³": r"$^3$", "✓": "", "↗": "", "✗": "", "∅": "", "’": "'", "“": "``", "”": "''",
    "[": "{[}", "]": "{]}",
}  # fmt: skip
WRAPPED_CM = 2.4


def tables(findings: Findings) -> dict[str, str]:
    """Return all tables of a run as `.tex` and `.md`, by file name."""
    sheets = {
        f"summary-{file_stem(task)}": summary_sheet(findings, task)
        for task in shown_points.tasks(findings)
    }
    shared = {"oracle-gap": gap_sheet(findings), "speedup": speedup_sheet(findings)}
    sheets |= {stem: sheet for stem, sheet in shared.items() if sheet.rows}
    if findings.claims:
        for sheet in claims_sheets(findings):
            sheets["criteria" if sheet.title.startswith("Own") else "claims"] = sheet
    found: dict[str, str] = {}
    for stem, sheet in sheets.items():
        found |= {f"{stem}.tex": latex(sheet, stem), f"{stem}.md": markdown(sheet)}
    return found


def latex(sheet: Sheet, stem: str) -> str:
    """Return a sheet as a table of booktabs."""
    kinds = "".join(map(_kind, sheet.columns))
    lines = [
        r"\begin{table}",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{escape(f'{sheet.title}. {sheet.caption}'.strip())}}}",
        rf"\label{{tab:{stem}}}",
        rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}",
        r"\toprule",
        *_heads(sheet.columns),
        r"\midrule",
        *(_row(sheet.columns, row) for row in sheet.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def figure(stem: str, caption: str) -> str:
    """Return what sets a figure at its natural size."""
    lines = [
        r"\begin{figure}",
        r"\centering",
        rf"\includegraphics{{{stem}.pdf}}",
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{fig:{stem}}}",
        r"\end{figure}",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return text that LaTeX takes as text, on one line."""
    found = "".join(SPECIAL.get(character, character) for character in text)
    # Control and direction characters are nothing in print, and an error to pdfLaTeX.
    found = re.sub(
        r"[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", " ", found
    )
    return " ".join(found.split())


def _kind(column: Column) -> str:
    if column.wraps:
        return f"p{{{WRAPPED_CM}cm}}"
    return "r" if column.right else "l"


def _heads(columns: Sequence[Column]) -> list[str]:
    """Return the heading's lines: names, and what is said under them if anything is."""
    lines = [" & ".join(escape(column.name) for column in columns) + r" \\"]
    if any(column.minor for column in columns):
        lines.append(" & ".join(_small(column.minor) for column in columns) + r" \\")
    return lines


def _row(columns: Sequence[Column], cells: Sequence[Cell]) -> str:
    """Return a row; lesser texts stand on a line of their own, so that columns stay narrow."""
    texts = [_text(column, cell) for column, cell in zip(columns, cells, strict=True)]
    lines = [" & ".join(texts) + r" \\"]
    below = [_small(cell.minor) if not column.wraps else ""
             for column, cell in zip(columns, cells, strict=True)]  # fmt: skip
    if any(below):
        lines = [lines[0] + "*", " & ".join(below) + r" \\[2pt]"]
    return "\n".join(lines)


def _text(column: Column, cell: Cell) -> str:
    text = escape(cell.text)
    text = rf"\textbf{{{text}}}" if cell.tone == "strong" and text else text
    return f"{text} {_small(cell.minor)}".strip() if column.wraps else text


def _small(text: str) -> str:
    return rf"{{\scriptsize {escape(text)}}}" if text else ""
