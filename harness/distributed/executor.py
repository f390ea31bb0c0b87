"""The records that remain of a run, executed in this process or by workers that fan out."""

from collections.abc import Callable, Iterator

from adabench.harness.contract.record import Record
from adabench.harness.distributed import fan_out
from adabench.harness.distributed.backends import FanOutOptions
from adabench.harness.errors import SelectionError
from adabench.harness.run import run_request
from adabench.harness.run.settings import Limits
from adabench.harness.store import run_folder


def remaining_records(
    run: run_folder.Run,
    options: FanOutOptions,
    limits: Limits,
    *,
    energy: bool = False,
    cached: bool = True,
) -> Iterator[Record]:
    """Execute what remains of a run where the options say.

    A run that was fanned out before goes on so, for its shards may hold more than it does.

    Raises:
        DeviceUnavailable: if the run's scale needs an accelerator that is not where it runs.
        EnvironmentProblem: if there is no such cluster.
    """
    if options == FanOutOptions() and not fan_out.has_shards(run.folder):
        return run_request.remaining_records(run, limits, energy=energy, cached=cached)
    if options.kind == "local":  # a machine that only hands out work need not have what measures
        run_request.check_instruments(run)
    settings = run_request.run_settings(run, energy=energy, cached=cached)
    return run.to_the_end(fan_out.fan_out(run, options, settings, limits))


def records_to_come(
    run: run_folder.Run,
    options: FanOutOptions,
    limits: Limits,
    *,
    energy: bool = False,
    cached: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Record] | None:
    """Return what is still to be executed of a run, or raced for; None if nothing remains.

    Raises:
        SelectionError: if a race was asked for what it cannot do.
    """
    if run_request.read_request(run.folder).race_s:
        check_race(1, limits, options)
        return run_request.race_records(run, energy=energy, cached=cached, say=say)
    if not run.remaining:
        return None
    return remaining_records(run, options, limits, energy=energy, cached=cached)


def check_race(repeats: int, limits: Limits, options: FanOutOptions) -> None:
    """Refuse what a race cannot do.

    Raises:
        SelectionError: naming the option.
    """
    if repeats > 1:
        raise SelectionError(
            "A race solves each case once; it spends time on more cases instead.",
            "Leave out --repeats, or leave out --race.",
        )
    if limits != Limits() or options.kind != "local" or options.workers:
        raise SelectionError(
            "A race decides after each round what to run next, in this process.",
            "Leave out --time-limit, --memory-limit and --executor, or leave out --race.",
        )
