"""What mkdocs is told beside mkdocs.yml: pages that lie outside docs/, links that lead out of it, folders in the navigation.

The pages read well in the repository, so their links are those of the repository. On the site README.md is
the front page, `../CONTRIBUTING.md` is a page of its own, and a link to any other file outside docs/
leads to a copy of that file.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

from docs.llms_page import llms_page

ROOT = Path(__file__).resolve().parents[1]
FRONT = {
    "index.md": "README.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
"""Pages of the site that lie beside docs/, by their place on the site."""
PAPERS = "docs/papers"
LINK = re.compile(r"""(\]\(|src=")([^)"\s#]+)(#[^)"\s]*)?([)"])""")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_config(config: Any) -> Any:
    """Put the pages of a folder in the place of the folder's name."""
    config["nav"] = [_expanded(entry) for entry in config["nav"]]
    return config


def _expanded(entry: Any) -> Any:
    if isinstance(entry, dict):
        [(title, value)] = entry.items()
        if isinstance(value, list):
            return {title: [_expanded(each) for each in value]}
        return {title: _pages(value)} if value.endswith("/") else entry
    return entry


def _pages(folder: str) -> list[str]:
    names = sorted(path.name for path in (ROOT / "docs" / folder).glob("*.md"))
    return [f"{folder}{name}" for name in sorted(names, key=lambda name: name != "README.md")]


def _with_answers(front: str) -> str:
    """Put the table of all papers on the front page, before how to start."""
    index = (ROOT / PAPERS / "README.md").read_text(encoding="utf-8")
    lines = [line for line in index.splitlines() if line.startswith("|")]
    answers = re.sub(r"\]\((?=[a-z0-9.-]+\.md\))", f"]({PAPERS}/", "\n".join(lines))
    intro, start, rest = front.partition("## Start\n")
    said = "What the abstracts said and what recorded runs show: [papers](docs/papers/README.md) says how to read it."
    return f"{intro}## Answers\n\n{said}\n\n{answers}\n\n{start}{rest}"


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie beside docs/, and the files that pages link to there."""
    texts = {page: (ROOT / source).read_text(encoding="utf-8") for page, source in FRONT.items()}
    texts["index.md"] = _with_answers(texts["index.md"])
    for page, text in texts.items():
        files.append(File.generated(config, page, content=text))
    pages = {file.src_uri: file.content_string for file in files.documentation_pages()}
    about, nav = config["site_description"], config["nav"]
    listed = llms_page(config["site_name"], about, nav, pages)
    files.append(File.generated(config, "llms.txt", content=listed))
    for page, text in pages.items():
        for target in _targets(_source_of(page), text):
            if not target.startswith("docs/") and target not in FRONT.values():
                name = f"repository/{target}"
                if (ROOT / target).is_file() and files.get_file_from_path(name) is None:
                    files.append(File.generated(config, name, content=(ROOT / target).read_bytes()))
    return files


def _source_of(page: str) -> str:
    """Return where a page of the site lies in the repository."""
    return FRONT.get(page, f"docs/{page}")


def _targets(source: str, text: str) -> list[str]:
    """Return the repository's files that a page links to."""
    prose = FENCE.sub("", text)
    return [_resolved(source, found[2]) for found in LINK.finditer(prose) if ":" not in found[2]]


def _resolved(source: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), link))


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links of the repository into links of the site, outside of code."""
    place = page.file.src_uri
    parts = FENCE.split(markdown)
    parts[::2] = [_prose(place, part) for part in parts[::2]]
    return "".join(parts)


def _prose(place: str, text: str) -> str:
    def link(found: re.Match[str]) -> str:
        if ":" in found[2]:
            return found[0]
        target = _site_place(_resolved(_source_of(place), found[2]))
        relative = posixpath.relpath(target, posixpath.dirname(place) or ".")
        return f"{found[1]}{relative}{found[3] or ''}{found[4]}"

    return LINK.sub(link, text)


def _site_place(target: str) -> str:
    """Return where a file or folder of the repository is on the site."""
    for page, source in FRONT.items():
        if target == source:
            return page
    inside = target.removeprefix("docs/")
    if inside == target:
        return f"repository/{target}"
    return f"{inside}/README.md" if (ROOT / target).is_dir() else inside
