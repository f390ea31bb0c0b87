"""The records that remain of a run, executed in this process or by workers that fan out."""

from collections.abc import Iterator

from adabench.harness.contract.record import Record
from adabench.harness.distributed import fan_out
from adabench.harness.distributed.backends import FanOutOptions
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
