"""`adabench publish`: a site over many runs, added to as runs come."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from adabench.cli.selection import AsJson
from adabench.cli.terminal import talk, warn


def command(
    folder: Annotated[Path, typer.Argument(help="The site: a new folder, or one made so before.")],
    runs: Annotated[list[Path] | None, typer.Argument(help="Runs to add to it.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the site; kept from then on.")] = None,
    url: Annotated[
        str | None, typer.Option(help="Where it will be: makes the feed's links absolute. Kept.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make or extend a static site: reports, histories with steps, a feed, badges, data."""
    from adabench.reports.site.build import build_site

    site = build_site(folder, tuple(runs or ()), title, url, talk)
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
