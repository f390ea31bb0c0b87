"""The commands and files of a guide, as a reader would copy them, and what a test is told about them.

A comment before a code block says how it is tested; a reader of the page does not see it:

    <!-- run with: --seeds 0 -->          these words come behind each command, so that it is small
    <!-- not run: needs a GPU -->         why it is only parsed
    <!-- file: mine.jsonl -->             the block is a file of this name

Blocks of `bash` without a comment run as they stand.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from docs import live_blocks

BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>run with|not run|file): (?P<words>[^\n]*?) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    language: str
    text: str
    mark: str = ""
    """`run with`, `not run`, `file` or nothing."""
    words: str = ""
    """What the mark says."""

    @property
    def commands(self) -> list[str]:
        """The command lines of a block of `bash`."""
        lines = (line.strip() for line in self.text.replace("\\\n", " ").splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a page, without those that are generated."""
    for found in BLOCK.finditer(live_blocks.BLOCK.sub("", text)):
        yield Block(found["language"], found["text"], found["mark"] or "", found["words"] or "")


def files(text: str) -> dict[str, str]:
    """Return the files that a page gives to its reader, by name."""
    own = {block.words: block.text for block in blocks(text) if block.mark == "file"}
    return dict(live_blocks.files(text)) | own


def jobs(text: str) -> list[tuple[str, str, str]]:
    """Return the rows of the table of jobs: what one wants, the command, the page."""
    rows = re.findall(
        r"^\| (.+?) \| `(adabench .+?)` \| \[.+?\]\((\w+\.md)\) \|$", text, re.MULTILINE
    )
    return [(want, command.replace("\\|", "|"), page) for want, command, page in rows]
