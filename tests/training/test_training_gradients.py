"""Recorded steps against direct ones. A stand-in records on the CPU what a CUDA graph records on a GPU."""

from collections.abc import Callable
from typing import final

import pytest
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from framecast.frames.batch import Batch
from framecast.frames.errors import ConfigurationError
from framecast.training.compiling import choose_compile
from framecast.training.gradients import DirectGradients, Losses, RecordedGradients, build_gradients


@final
class Network(nn.Module):
    """A convolution and batch normalisation, whose running statistics a warm-up must not move."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.norm = nn.BatchNorm2d(2)
        self.unused = nn.Parameter(torch.ones(1))

    def forward(self, context: Tensor, target: Tensor, mask: Tensor | None, true_inputs: Tensor | None) -> Losses:
        assert mask is None
        found = self.norm(self.conv(context.flatten(0, 1))).sum(dim=1)
        loss = (found - target.flatten(0, 2)).square().mean()
        return loss, {"mse": loss, "size": found.abs().mean()}


@final
class Replayed:
    """Records by noting the function; replaying runs it and puts its results where a graph would leave them."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.records = self.replays = 0

    def record(self, function: Callable[[], Losses]) -> tuple[Callable[[], None], Losses]:
        self.records += 1
        buffers = {name: values.clone() for name, values in self.module.named_buffers()}
        loss, parts = function()  # a graph records without running: undo what running did
        for name, values in self.module.named_buffers():
            values.copy_(buffers[name])
        gradients = {weight: weight.grad for weight in self.module.parameters()}

        def replay() -> None:
            self.replays += 1
            new_loss, new_parts = function()
            loss.copy_(new_loss)
            for name, part in parts.items():
                part.copy_(new_parts[name])
            for weight, place in gradients.items():
                if place is not None and weight.grad is not None:
                    place.copy_(weight.grad)

        return replay, (loss, parts)


def batch(seed: int, clips: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(torch.rand(clips, 3, 1, 5, 5, generator=generator), torch.rand(clips, 3, 1, 5, 5, generator=generator))


def train(gradients: DirectGradients | RecordedGradients, module: nn.Module, batches: list[Batch]) -> list[float]:
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    losses: list[float] = []
    for one in batches:
        loss, parts = gradients(one, None)
        assert float(parts["mse"]) == float(loss)
        optimizer.step()
        losses.append(float(loss))
    return losses


def test_a_replayed_training_is_the_direct_one() -> None:
    batches = [batch(0), batch(1), batch(2, clips=3), batch(3), batch(4)]
    fabric = Fabric(accelerator="cpu", devices=1)
    plain, recorded = Network(), Network()
    expected = train(DirectGradients(plain, fabric), plain, batches)
    recorder = Replayed(recorded)
    found = train(
        RecordedGradients(DirectGradients(recorded, fabric), recorded, recorder, batch_size=4), recorded, batches
    )
    assert found == expected
    assert (recorder.records, recorder.replays) == (1, 4)  # the smaller batch ran as it was
    for name, values in plain.state_dict().items():
        torch.testing.assert_close(recorded.state_dict()[name], values)
    assert recorded.unused.grad is None


def test_results_of_a_step_stay_when_the_next_is_replayed() -> None:
    module = Network()
    gradients = RecordedGradients(
        DirectGradients(module, Fabric(accelerator="cpu", devices=1)), module, Replayed(module), batch_size=4
    )
    first, _ = gradients(batch(0), None)
    before = float(first)
    gradients(batch(1), None)
    assert float(first) == before


def test_what_depends_on_values_is_never_recorded() -> None:
    module = Network()
    recorder = Replayed(module)
    gradients = RecordedGradients(
        DirectGradients(module, Fabric(accelerator="cpu", devices=1)), module, recorder, batch_size=4
    )
    gradients(batch(3, clips=2), None)  # the rest of an epoch, where a resumed training may begin
    gradients(batch(0), torch.ones(4, 5, 1, 1, 1, dtype=torch.bool))
    assert recorder.records == 0


def test_a_processor_records_nothing() -> None:
    fabric = Fabric(accelerator="cpu", devices=1)
    assert isinstance(build_gradients(Network(), fabric, record=True, batch_size=4), DirectGradients)


def test_compiling_is_for_long_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framecast.training.compiling.can_fuse", lambda device: device != "mps")
    assert choose_compile("auto", "cpu", flops=1e16)
    assert not choose_compile("auto", "cpu", flops=1e12)
    assert not choose_compile("auto", "cuda", flops=1e16)
    assert choose_compile("auto", "cuda", flops=1e17)
    assert not choose_compile("auto", "mps", flops=1e20)
    assert not choose_compile(False, "cpu", flops=1e20)
    assert choose_compile(True, "cpu", flops=0)


@pytest.mark.parametrize(
    ("device", "needs"),
    [("cpu", r"there is no C\+\+ compiler"), ("cuda", "Triton is missing"), ("mps", "nothing compiles")],
)
def test_compiling_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch, device: str, needs: str) -> None:
    monkeypatch.setattr("framecast.training.compiling.can_fuse", lambda device: False)
    assert not choose_compile("auto", device, flops=1e20)
    with pytest.raises(ConfigurationError, match=f"training.compile is true .*, and {needs}"):
        choose_compile(True, device, flops=0)
