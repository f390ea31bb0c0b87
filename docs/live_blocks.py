"""What hand-written pages show of the program: real output, and files of this repository.

    <!-- output: adabench explain docs/recorded/paging summary/paging/lru/faults -->
    <!-- /output -->
    <!-- source: workloads/algorithms/paging/methods/fifo.py as mine.py -->
    <!-- /source -->

The lines between the two marks are written by `make docs`: a command runs here, on a recorded run, and its
output stands there as an 80-column terminal shows it; a file stands there whole.
"""

import contextlib
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from typer.testing import CliRunner

from adabench.cli.main import app

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
ROOMS = ("start", "guides", "concepts")
"""The folders of hand-written pages."""
BLOCK = re.compile(
    r"<!-- (?P<kind>output|source): (?P<what>.*?) -->\n(?:.*?\n)?<!-- /(?P=kind) -->\n", re.DOTALL
)
PLAIN = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
LANGUAGES = {".py": "python", ".toml": "toml", ".yml": "yaml", ".jsonl": "json"}


def pages() -> dict[str, str]:
    """Return every hand-written page with its blocks as of now, by its path below docs/."""
    paths = [path for room in ROOMS for path in sorted((FOLDER / room).glob("*.md"))]
    return {path.relative_to(FOLDER).as_posix(): fill(_text(path)) for path in paths}


def fill(text: str) -> str:
    """Return a page with the lines of its blocks written again."""
    return BLOCK.sub(lambda found: _block(found["kind"], found["what"]), text)


def files(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name that a page gives to a file of this repository, and that file's text."""
    for found in BLOCK.finditer(text):
        source, _, name = found["what"].partition(" as ")
        if found["kind"] == "source" and name:
            yield name, _text(ROOT / source)


def _block(kind: str, what: str) -> str:
    if kind == "output":
        body = f"```console\n$ {what}\n{_output(what)}\n```"
    else:
        source = ROOT / what.partition(" as ")[0]
        body = f"```{LANGUAGES.get(source.suffix, 'text')}\n{_text(source).rstrip()}\n```"
    return f"<!-- {kind}: {what} -->\n{body}\n<!-- /{kind} -->\n"


def _output(command: str, environment: Mapping[str, str] = PLAIN) -> str:
    """Return what a command prints.

    Raises:
        RuntimeError: if it fails: the page would show something else than it says.
    """
    program, *words = shlex.split(command)
    with contextlib.chdir(ROOT):
        done = CliRunner(env=environment).invoke(app, words, prog_name=program)
    if done.exit_code:
        raise RuntimeError(f"{command} exits {done.exit_code}: {done.output}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
