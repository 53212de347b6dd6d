"""The peers compute framecast's networks, and framecast is measured as it trains."""

from typing import Any

import pytest
import torch

from benchmarks.agreement import TOLERANCE, Agreement, compare_keras, compare_plain, reduced
from benchmarks.contender import NotHereError
from benchmarks.convolutions import convolutions, floor_convolutions, training_flops
from benchmarks.framecast_contender import build_framecast, framecast_model
from benchmarks.plain import plain_model
from benchmarks.random_clips import random_clips
from benchmarks.workloads import WORKLOADS, Precision, Workload
from framecast.clips.normaliser import Normaliser
from framecast.frames.batch import Batch
from framecast.losses.weighted_sum import build_loss
from framecast.models.counting import macs_per_frame
from framecast.runs.config import OptimizerConfig, TrainingConfig
from framecast.training.gradients import build_gradients
from framecast.training.module import TrainingModule
from framecast.training.optimizers import build_optimizer
from framecast.training.trainer import build_fabric

# Keras's variables do not know numpy 2's copy keyword yet.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def tiny(name: str) -> Workload:
    workload = reduced(WORKLOADS[name])
    return workload.resized(width=8, length=3)


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_plain_loop_is_the_same_network(name: str) -> None:
    found = compare_plain(tiny(name))
    assert found.holds, found


def test_keras_is_the_same_network(keras: Any) -> None:
    found = compare_keras(keras, tiny("r0"))
    assert found.holds, found


def test_keras_cannot_say_the_other_networks(keras: Any) -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        compare_keras(keras, tiny("unrolled"))


def test_a_planted_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(workload: Workload) -> Any:
        model = plain_model(workload)
        model.register_forward_hook(lambda module, inputs, outputs: outputs * (1 + 3 * TOLERANCE))
        return model

    monkeypatch.setattr("benchmarks.agreement.plain_model", other)
    assert not compare_plain(tiny("r0")).holds


def test_another_number_of_parameters_is_another_network() -> None:
    assert not Agreement(ours=5, theirs=6, difference=0.0).holds


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("r0", 447_425 - 4 * 64), ("encoder-forecaster", 10_042_896), ("unrolled", 11_675_648)],
)
def test_networks_have_their_published_size(name: str, parameters: int) -> None:
    model = framecast_model(WORKLOADS[name])
    assert sum(weight.numel() for weight in model.parameters()) == parameters


def test_work_is_what_is_known() -> None:
    assert round(training_flops(WORKLOADS["r0"]) / 1e9) == 439
    assert sum(one.macs for one in convolutions(WORKLOADS["unrolled"])) / 1e9 == pytest.approx(56.79, abs=0.005)


@pytest.mark.parametrize("name", WORKLOADS)
def test_work_agrees_with_what_the_network_says(name: str) -> None:
    workload = WORKLOADS[name]
    counted = sum(one.macs for one in convolutions(workload))
    # The network spares the recurrent convolutions of first steps, whose state is zero; nobody else counts them out.
    first = [workload.kernel_size**2 * 4 * width**2 * workload.map_size**2 for width in workload.widths]
    assert macs_per_frame(framecast_model(workload)) == (counted - sum(first)) // workload.length


def test_the_floor_of_r0_is_its_three_large_convolutions() -> None:
    found = floor_convolutions(WORKLOADS["r0"])
    assert [(one.channels, one.filters, one.kernel_area, one.num_steps) for one in found] == [(64, 256, 9, 10)] * 3


@pytest.mark.parametrize("precision", ["32", "bf16"])
@pytest.mark.parametrize("name", ["r0", "small-32"])
def test_a_measured_step_is_a_step_of_the_trainer(
    name: str, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Compiling takes long, and what keeps memory keeps it for all tests.
    monkeypatch.setattr("benchmarks.framecast_contender.can_fuse", lambda device: False)
    monkeypatch.setattr("benchmarks.framecast_contender.keep_freed_memory", lambda: True)
    workload = tiny(name)
    measured = build_framecast(workload, precision, "cpu")
    losses = [measured.train() for _ in range(3)]

    half = precision == "bf16"
    config = TrainingConfig(device="cpu", precision="bf16" if half else 32)
    fabric = build_fabric(config)
    unit = Normaliser(kind="unit", low=(0.0,), high=(1.0,), offset=(0.0,), scale=(1.0,))
    bare = TrainingModule(framecast_model(workload), build_loss({"mse": 1.0}), unit)
    module, optimizer = fabric.setup(bare, build_optimizer(bare.parameters(), OptimizerConfig()))
    gradients = build_gradients(module, fabric, record=False, batch_size=workload.batch)
    frames = random_clips(workload, "cpu")
    batch = Batch(frames[:, : workload.length].contiguous(), frames[:, workload.length :].contiguous())
    for loss in losses:
        expected, _ = gradients(batch, None)
        optimizer.step()
        torch.testing.assert_close(loss, expected, atol=0, rtol=0)


def test_steps_are_not_recorded_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.framecast_contender.keep_freed_memory", lambda: True)
    with pytest.raises(NotHereError, match="on a GPU alone"):
        build_framecast(tiny("r0"), "bf16", "cpu", recorded=True)
