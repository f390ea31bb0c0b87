"""`adabench publish`: a site over many runs, added to as runs come."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from adabench.cli.selection import AsJson
from adabench.cli.terminal import talk, warn


def command(
    folder: Annotated[Path, typer.Argument(help="The site: a new folder or an existing site.")],
    runs: Annotated[list[Path] | None, typer.Argument(help="Runs to add to it.")] = None,
    title: Annotated[
        str | None, typer.Option(help="Title of the site; the site remembers it.")
    ] = None,
    url: Annotated[str | None, typer.Option(hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Make or extend a static site: reports, histories with steps, data."""
    from adabench.reports.site.build import build_site

    if url is not None:
        warn("--url changes nothing: it was the address in the feed, which sites no longer have.")
    site = build_site(folder, tuple(runs or ()), title, talk)
    print(json.dumps(site)) if as_json else show(site)


def show(site: Mapping[str, Any]) -> None:
    """Print which files changed; what is to be known beside goes to stderr."""
    for name in site["changed"]:
        print(f"{site['site']}/{name}")
    for note in site["notes"]:
        warn(note)
    talk(
        f"{len(site['changed'])} files changed, {site['unchanged']} did not; {site['runs']} runs, "
        f"{site['histories']} histories, {len(site['steps'])} steps"
    )
