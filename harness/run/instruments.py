"""What a run needs of this machine before any method is started."""

from collections.abc import Sequence

from adabench.harness.errors import DeviceUnavailable
from adabench.profilers.nvml import Unmetered
from adabench.profilers.probe import open_probes, require_device


def require_instruments(meters: Sequence[str], *, on_device: bool) -> None:
    """Refuse meters, or an accelerator, that are not here.

    No context is made on a device: those belong to the processes of methods.

    Raises:
        DeviceUnavailable: saying what is missing, and what to do instead.
    """
    try:
        open_probes(meters=meters, device="cpu")
    except Unmetered as absent:
        raise _unavailable(
            "A meter cannot be opened", absent, "leave --energy-meter out"
        ) from absent
    if on_device:
        try:
            require_device()
        except Unmetered as absent:
            what = "Scale gpu is not testable here"
            raise _unavailable(what, absent, "take --scale embedded") from absent


def _unavailable(what: str, absent: Unmetered, instead: str) -> DeviceUnavailable:
    remedy = absent.remedy or f"Run it where there is one, or {instead}."
    return DeviceUnavailable(f"{what}: {absent}", remedy)
