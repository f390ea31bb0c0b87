"""The command line: the app, its global options, and the only place that catches errors.

A verb is a file of its name in `commands/`: its function, its options, what it prints. It is
imported when it runs or its help is asked for; `adabench --help` knows the verbs by the table
below and imports typer and nothing else. stdout carries the result, stderr everything that is
talk.
"""

import errno
import importlib
import logging
import select
import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from adabench.cli.standard_streams import RepeatFilter, open_streams, silence, unwritable
from adabench.cli.terminal import forget_warnings
from adabench.cli.verb_command import PLAIN, VerbCommand
from adabench.harness.errors import AdabenchError, Interruption
from adabench.harness.provenance.server_secrets import without_secrets

COMMANDS = "adabench.cli.commands"
GROUPS = {
    "Measure": {
        "advise": "Say in five minutes what test-time compute buys on your model and your questions.",
        "tour": "Run three tasks in a minute, offline and without a GPU, and show what came of it.",
        "run": "Run methods on their tasks, judge their claims, write a report.",
        "reproduce": "Run what judges the claims of a paper: what it said, our bar, what was measured, the verdict.",
        "bank": "Draw samples of a model once; every vote and selection then runs on them in milliseconds.",
        "power": "Plan what deciding a paper's claims takes, by a pilot: units, sizes, power, seconds.",
        "serve": "Put a server under load by each method: throughput, percentiles of seconds, goodput.",
        "trace": "Take one case of a method apart: operators, kernels and the machine's ceilings.",
        "merge": "Join parts of one plan into one run; parts of other plans are refused.",
    },
    "Read": {
        "list": "List the tasks, or the methods of a task or a paper, and whether they can run here.",
        "show": "Show one card: what adapts, its knobs, what its paper said and the bars, on one screen.",
        "claims": "Judge the claims of the methods in a run: what papers say, and our own criteria.",
        "report": "Write the self-contained HTML report of a run, or of several.",
        "explain": "Trace a number of a report back to its samples, meter, formula and interval.",
        "export": "Export records as one tidy table (CSV, Parquet, JSON), or operating points to a tracker.",
        "publish": "Make or extend a static site: reports, histories with steps, data.",
    },
    "Compare": {
        "compare": "Compare runs with a base run: better, same, worse, ambiguous or invalid; exit 1 if worse.",
        "gate": "May HEAD be merged? 0 pass, 1 regression, 3 invalid or incomparable, 5 ambiguous.",
    },
    "Extend": {
        "new": "Write a new method or a new task, which can be run at once and says what to fill in.",
        "check": "Check that tasks and methods keep the contract; exit 4 if one does not.",
        "train": "Rebuild shipped checkpoints from their seeds, and make others in the user's cache.",
    },
    "Machine": {
        "doctor": "Say what this machine can measure, how long a selection would take, what a model can do.",
        "hardware": "Describe this machine as a profile, and compare machines with it.",
    },
}
VERBS = {verb: says for group in GROUPS.values() for verb, says in group.items()}
_WIDEST = max(map(len, VERBS))
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class VerbGroup(TyperGroup):
    """The verbs, each imported when it is needed."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: dict[str, Any] = dict.fromkeys(VERBS)  # names near a wrong one are hinted at

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a verb's module and return its command; None for what is no verb."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"{COMMANDS}.{cmd_name}")
        app = getattr(module, "app", None)
        if app is None:
            app = typer.Typer(**PLAIN, add_completion=False)
            app.command(cmd_name, cls=VerbCommand)(module.command)
        return typer.main.get_command(app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs in groups, without importing any."""
        for name, verbs in GROUPS.items():
            with formatter.section(name):
                formatter.write_dl([(verb.ljust(_WIDEST), says) for verb, says in verbs.items()])


app = typer.Typer(
    cls=VerbGroup,
    help="Does adaptive computation pay off on your model and your machine?\n\n"
    "Start with `adabench tour`: a minute, offline. `adabench list` has the tasks.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    **PLAIN,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"adabench {version('adabench')}")
        raise typer.Exit


@app.callback()
def options(
    verbose: Annotated[int, typer.Option("-v", count=True, help="Say more on stderr.")] = 0,
    quiet: Annotated[bool, typer.Option("-q", help="Errors only.")] = False,
    debug: Annotated[bool, typer.Option(help="Show tracebacks of usage errors too.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Set how much is said on stderr."""
    del debug, version  # read by main, which catches, and by a callback
    level = logging.ERROR if quiet else logging.WARNING - 10 * verbose
    forget_warnings()
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RepeatFilter())
    logging.basicConfig(level=level, format="%(levelname)s: %(message)s", handlers=[handler])


def _leave(number: int, _: object) -> None:
    """End as an interrupt would: what was opened is closed, temporary folders go, children end."""
    raise Interruption(number)


def _reader_left(stream: Any) -> bool:
    """Say whether the reader of a pipe has closed it."""
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _flush(code: Any) -> Any:
    """Write out what is left for stdout; a reader that left early (`| head`) is no error.

    Raises:
        EnvironmentProblem: if it cannot be written (a full disk).
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as problem:
        silence(sys.stdout)
        raise unwritable(problem) from problem
    return code


def _exit_code(leave: SystemExit) -> Any:
    """Return the code to leave with; typer makes 1 of a closed pipe, whoever closed it."""
    broken = leave.__context__
    if not isinstance(broken, BrokenPipeError):
        return _flush(leave.code)
    if not (_reader_left(sys.__stdout__) or _reader_left(sys.__stderr__)):
        raise broken  # a pipe of our own: a bug
    return _flush(0)


def main() -> None:
    """Run a command; turn our own errors into a message, a hint and an exit code."""
    open_streams()
    sys.argv[1:] = [without_secrets(word) for word in sys.argv[1:]]
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _leave)
    try:
        _run_app()
    except AdabenchError as problem:
        if "--debug" in sys.argv:
            raise
        print(f"adabench: {problem.message}", file=sys.stderr)
        if problem.hint:
            print(f"  {problem.hint}", file=sys.stderr)
        raise SystemExit(problem.exit_code) from None
    except Interruption as end:
        raise SystemExit(128 + end.number) from None


def _run_app() -> None:
    """Run a command, and write out what it has printed; leave with its exit code."""
    try:
        app()
    except SystemExit as leave:
        raise SystemExit(_exit_code(leave)) from None
    except OSError as problem:
        if problem.errno in FULL and problem.filename is None:  # no file of ours: a stream
            silence(sys.stdout)
            raise unwritable(problem) from problem
        raise


if __name__ == "__main__":
    main()
