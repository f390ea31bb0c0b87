"""Fingerprints, ceilings and profiles: what must be found again, and what must not be excused."""

import math
import tomllib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from adabench.profilers.hardware import ceilings, idle_power, machine_profile, noise
from adabench.profilers.hardware.ceilings import Ceilings
from adabench.profilers.hardware.fingerprint import Fingerprint, Gpu, differences, fingerprint
from adabench.profilers.hardware.host import HERE
from adabench.profilers.hardware.idle_power import Ceiling
from adabench.profilers.hardware.machine_profile import (
    InvalidProfile,
    Profile,
    fractions,
    from_toml,
    judge,
    to_toml,
)
from adabench.profilers.hardware.noise import Laps, LoadObserver, OtherLoad

H100 = Gpu("NVIDIA H100 80GB HBM3", "GPU", False, 85_899_345_920, 700.0, 700.0, 1980, 2619)
BOX = Fingerprint(
    "Linux", "x86_64", 'A "quoted" CPU\\', False, 96, None, 10**12, "performance", "3.12",
    "2.13.0", "12.8", "580.95.05", (H100, H100), "6.12.0",
)  # fmt: skip
CEILINGS = {
    "gemm_cpu_float32": Ceiling(1e12, "FLOP/s", 0.02, 100, "host clock"),
    "copy_core": Ceiling(1e10, "B/s", 0.02, 100, "host clock"),
    "launch_cpu": Ceiling(2e-6, "s", 0.02, 100, "host clock"),
    "idle_power_gpu": Ceiling(70.0, "W", 0.01, 20, "NVML"),
    "idle_power_cpu": Ceiling(unavailable="There is no counter."),
    "noise_floor": Ceiling(0.01, "1", 0.1, 30, "laps"),
    "copy_cpu": Ceiling(unavailable=idle_power.BUSY, passing=True),
}


def pinned(*, busy=False, found=BOX, **changes):
    values = {**CEILINGS, **changes}
    return Profile(found, values, OtherLoad(0.5 if busy else 0.0, 0.0), 0.0, busy, "0.1.0")


def verdict(key, then, now):
    return next(item for item in judge(then, now) if item.key == key)


# The fingerprint


def test_this_machine_agrees_with_itself():
    assert differences(fingerprint(), fingerprint()) == []


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("gpu0.name", replace(BOX, gpus=(replace(H100, name="NVIDIA A100"), H100))),
        ("gpu1.power_limit_w", replace(BOX, gpus=(H100, replace(H100, power_limit_w=450.0)))),
        ("gpu0.mig", replace(BOX, gpus=(replace(H100, mig=True), H100))),
        ("cores", replace(BOX, cores=48)),
        ("torch", replace(BOX, torch="2.12.1")),
        ("driver", replace(BOX, driver="570.1")),
        ("memory_bytes", replace(BOX, memory_bytes=5 * 10**11)),
    ],
)
def test_what_changed_is_named_and_nothing_else(key, other):
    assert [item.key for item in differences(BOX, other)] == [key]
    assert key in str(differences(BOX, other)[0])


def test_a_board_that_has_gone_is_a_difference_of_all_its_keys():
    keys = {item.key for item in differences(BOX, replace(BOX, gpus=(H100,)))}
    assert {"gpu1.name", "gpu1.power_limit_w"} <= keys
    assert not any(key.startswith("gpu0") for key in keys)


def test_a_kernels_own_share_of_the_memory_and_its_version_are_no_difference():
    other = replace(BOX, memory_bytes=int(0.99 * 10**12), kernel="6.99")
    assert differences(BOX, other) == []


def test_the_uuid_of_a_board_is_not_kept_only_its_class():
    nvml = SimpleNamespace(
        NVMLError=RuntimeError,
        NVML_CLOCK_SM=1,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: "Board",
        nvmlDeviceGetUUID=lambda handle: "GPU-5ec2e7",
        nvmlDeviceGetMigMode=lambda handle: [0, 0],
        nvmlDeviceGetEnforcedPowerLimit=lambda handle: 250_000,
        nvmlSystemGetDriverVersion=lambda: "1.0",
    )
    found = fingerprint(replace(HERE, nvml=lambda: nvml))
    assert "5ec2e7" not in repr(found)
    [board] = found.gpus
    assert (board.uuid_class, board.power_limit_w) == ("GPU", 250.0)
    assert board.memory_bytes is None  # the driver did not say: unknown, and never zero


# The file


def test_a_profile_is_read_back_as_it_was_written():
    assert from_toml(to_toml(pinned())) == pinned()
    bare = pinned(found=replace(BOX, gpus=(), torch=None, virtual=None))
    assert from_toml(to_toml(bare)) == bare


def test_what_is_unavailable_has_a_reason_and_no_number_in_the_file():
    table = tomllib.loads(to_toml(pinned()))["ceilings"]["idle_power_cpu"]
    assert table == {"unavailable": "There is no counter."}


@pytest.mark.parametrize(
    "text", ["not toml [", "schema = 9", "schema = 1", "schema = 1\nconditions = 3\n", ""]
)
def test_a_file_that_is_no_profile_is_refused(text):
    with pytest.raises(InvalidProfile):
        from_toml(text)


# Ceilings held against each other


def test_a_ceiling_may_move_within_its_noise_and_no_further():
    slower = pinned(gemm_cpu_float32=Ceiling(0.8e12, "FLOP/s", 0.02))
    half = pinned(gemm_cpu_float32=Ceiling(0.5e12, "FLOP/s", 0.02))
    vague = pinned(gemm_cpu_float32=Ceiling(0.5e12, "FLOP/s", 0.3))
    assert verdict("gemm_cpu_float32", pinned(), slower).word == "same"
    assert verdict("gemm_cpu_float32", pinned(), half).word == "differs"
    assert verdict("gemm_cpu_float32", pinned(), vague).word == "same"


@pytest.mark.parametrize("key", ["copy_core", "launch_cpu", "idle_power_gpu"])
@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_busy_excuses_a_worse_value_and_never_a_better_one(key, factor):
    was = CEILINGS[key]
    moved = {key: replace(was, value=was.value * factor)}
    worse = (factor > 1) == (was.unit in ("s", "W"))
    assert verdict(key, pinned(), pinned(**moved)).word == "differs"
    found = verdict(key, pinned(), pinned(busy=True, **moved)).word
    assert found == ("not judged" if worse else "differs")
    found = verdict(key, pinned(busy=True, **moved), pinned()).word
    assert found == ("not judged" if worse else "differs")


def test_an_instrument_that_has_gone_differs_and_one_that_waits_is_not_judged():
    gone = pinned(idle_power_gpu=Ceiling(unavailable="No permission."))
    found = verdict("idle_power_gpu", pinned(), gone)
    assert found.word == "differs"
    assert "No permission." in found.reason
    later = pinned(copy_cpu=Ceiling(2e10, "B/s", 0.02))
    assert verdict("copy_cpu", pinned(), later).word == "not judged"
    assert verdict("idle_power_cpu", pinned(), pinned()).word == "same"


def test_the_noise_floor_is_a_state_and_never_judged():
    loud = pinned(noise_floor=Ceiling(0.5, "1", 0.1))
    assert verdict("noise_floor", pinned(), loud).word == "not judged"


# Fractions


def test_fractions_of_the_ceilings():
    values = {"latency_s": 0.01, "flops": 5e9, "bytes_moved": 1e8, "launches": 500.0}
    found = {item.name: item for item in fractions(values, pinned())}
    assert found["compute"].value == pytest.approx(0.5)
    assert found["launch"].value == pytest.approx(0.1)
    assert (found["bandwidth"].value, found["bandwidth"].of) == (
        pytest.approx(1e10 / (96 * 1e10)),
        "96 x copy_core",
    )
    gpu = {"latency_s": 2.0, "energy_gpu_j": 560.0, "flops": 1.0}
    [idle_share] = fractions(gpu, pinned(), place="gpu")
    assert (idle_share.name, idle_share.value) == ("idle", pytest.approx(0.25))


@pytest.mark.parametrize("values", [{}, {"latency_s": 0.0, "flops": 1.0}, {"flops": 1.0}])
def test_without_a_time_there_is_no_fraction(values):
    assert fractions(values, pinned()) == []


# Measuring


def test_a_counters_period_and_the_idle_power_come_from_its_steps():
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    seen = idle_power.steps(lambda: 70.0 * 0.1 * (now[0] // 0.1), 3.0, lambda: now[0], sleep)
    assert idle_power.period(seen).value == pytest.approx(0.1, rel=0.05)
    assert idle_power.power(seen, "fake").value == pytest.approx(70.0, rel=0.02)


def test_a_counter_that_stands_still_gives_no_number():
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    seen = idle_power.steps(lambda: 5.0, 1.0, lambda: now[0], sleep)
    assert (idle_power.period(seen).value, idle_power.power(seen, "fake").value) == (None, None)


def test_the_noise_floor_is_the_scatter_between_blocks_without_the_laps_that_waited():
    laps, delays = [], []
    for block in range(40):
        level = 100_000 if block % 2 else 110_000
        laps += [level] * 25 + [9_000_000]
        delays += [0] * 25 + [5]
    found = Laps(laps, delays).floor
    assert found == pytest.approx(math.log(1.1) / 2, rel=0.03)
    assert Laps([100_000] * 60, [0] * 60).floor is None  # too few to say


def test_who_was_busy_is_read_from_the_kernels_counts():
    ticks = iter(["cpu 100 0 0 900 0 0 0 0 0", "cpu 400 0 0 1000 0 0 0 100 0"])
    machine = replace(HERE, read=lambda path: next(ticks))
    found = LoadObserver(machine).company()
    assert found.others == pytest.approx(0.6, abs=0.02)
    assert found.stolen == pytest.approx(0.2)
    assert found.busy

    def silent(path):
        raise OSError(path)

    assert LoadObserver(replace(HERE, read=silent)).company() == OtherLoad(None, None)


def test_while_others_are_busy_the_ceilings_of_all_cores_are_not_measured(monkeypatch):
    measured = []
    monkeypatch.setattr(noise.LoadObserver, "company", lambda self: OtherLoad(0.7, 0.0))
    monkeypatch.setattr(
        ceilings, "_torch_ceilings", lambda place, seconds: measured.append(place) or {}
    )
    found = ceilings.measure(0.01)
    assert measured == ["core", "gpu"]
    assert found.busy
    assert found.values["gemm_cpu_float32"] == Ceiling(unavailable=idle_power.BUSY, passing=True)


@pytest.mark.parametrize(("unit", "better"), [("FLOP/s", 4.0), ("s", 2.0)])
def test_of_two_rounds_the_better_stands_and_their_distance_is_its_uncertainty(unit, better):
    first, second = (Ceiling(value, unit, 0.01, 10, "host clock") for value in (2.0, 4.0))
    for rounds in ((first, second), (second, first)):
        found = ceilings.together(*({"copy_cpu": one} for one in rounds))["copy_cpu"]
        assert found.value == better
        assert found.u_rel == pytest.approx(math.log(2))
        assert found.samples == 20


def test_a_load_that_comes_between_two_rounds_leaves_no_value(monkeypatch):
    shares = iter([0.0, 0.0, 0.0, 0.7, 0.7])
    monkeypatch.setattr(
        noise.LoadObserver, "company", lambda self: OtherLoad(next(shares, 0.7), 0.0)
    )
    one = Ceiling(1.0, "FLOP/s", 0.01, 10, "host clock")
    monkeypatch.setattr(
        ceilings,
        "_torch_ceilings",
        lambda place, seconds: dict.fromkeys(ceilings._names(place), one),
    )
    found = ceilings.measure(0.01).values
    assert found["gemm_cpu_float32"] == Ceiling(unavailable=idle_power.BUSY, passing=True)
    assert found["gemm_core_float32"] == one


def test_ceilings_of_one_core_have_value_uncertainty_and_instrument():
    found = ceilings._torch_ceilings("core", 0.02)
    for name in ("copy_core", "gemm_core_float32", "launch_core"):
        assert found[name].value > 0, name
        assert found[name].u_rel >= 0
        assert "1 thread" in found[name].instrument


def test_ceilings_survive_the_way_from_the_child_process():
    sent = Ceilings(CEILINGS, OtherLoad(None, 0.1), None)
    assert ceilings.from_json(sent.to_json()) == sent


def test_a_machine_without_cuda_says_so_for_every_ceiling_of_the_gpu():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    found = ceilings._torch_ceilings("gpu", 0.01)
    assert found
    assert all(item.value is None and item.unavailable for item in found.values())


@pytest.mark.gpu
def test_pinning_a_gpu_measures_what_it_draws_and_does():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    found = machine_profile.pin()
    assert found.fingerprint.gpus
    for name in ("copy_gpu", "gemm_gpu_bfloat16", "launch_gpu"):
        assert found.ceilings[name].value, found.ceilings[name].unavailable
