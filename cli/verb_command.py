"""A verb as a command that reads earlier names of its options too, and says what they are called now."""

from typing import Any

from typer.core import TyperCommand

from adabench.cli.terminal import talk
from adabench.harness.contract.earlier_options import earlier_names, in_todays_words

PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}
"""What every app of the command line is made with."""


class VerbCommand(TyperCommand):
    """A command whose options may be written under the names that they had before."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words after the verb; an earlier name is said on stderr."""
        verb = self.name or ""
        if not ctx.resilient_parsing:
            for name, today in earlier_names(verb, args).items():
                talk(f"{name} is now called {today}; the old name goes with the next release.")
        return super().parse_args(ctx, in_todays_words(verb, args))
