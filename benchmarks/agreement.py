"""Agreement: that the contenders compute the same network.

``python -m benchmarks.agreement --framework plain --workload r0`` copies framecast's weights into the other network,
shows both the same frames, and compares parameters and outputs. Networks have their full widths; frames and batch are
small, which changes nothing that could be compared. Keras is compared on ``r0`` alone, the one network that its layers
can say in full.

Axes: B clips, T frames, C channels, H height, W width.
"""

import argparse
import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.framecast_contender import framecast_model
from benchmarks.keras_contender import keras_model
from benchmarks.plain import PlainCell, plain_model
from benchmarks.random_clips import random_clips
from benchmarks.workloads import WORKLOADS, Workload

TOLERANCE = 1e-5
"""Largest difference of any value of the frames, relative to the largest value."""

Weights = dict[str, Tensor]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What the comparison found."""

    ours: int
    """Trainable numbers of framecast's network."""

    theirs: int

    difference: float
    """Largest absolute difference between the outputs, relative to the largest absolute output."""

    @property
    def holds(self) -> bool:
        """Whether it is the same network."""
        return self.ours == self.theirs and self.difference <= TOLERANCE


def reduced(workload: Workload) -> Workload:
    """The workload with little data."""
    return workload.resized(batch=2, frame_size=8 * workload.patch, length=4)


def compare_plain(workload: Workload) -> Agreement:
    """framecast against the plain loop."""
    model, other = _interesting(framecast_model(workload)), plain_model(workload)
    copy_to_plain(model.state_dict(), other)
    context = random_clips(workload, "cpu")[:, : workload.length]
    with torch.no_grad():
        ours, theirs = model.eval()(context, workload.length).outputs, other.eval()(context)
    return Agreement(ours=_count(model), theirs=_count(other), difference=_difference(ours, theirs))


def compare_keras(keras: Any, workload: Workload) -> Agreement:
    """framecast against Keras's network for ``r0``.

    Raises:
        ValueError: another family of networks.
    """
    if workload.family != "stack":
        raise ValueError(f"Keras's layers cannot say {workload.name} in full, so there is nothing to compare")
    model, other = _interesting(framecast_model(workload)), keras_model(keras, workload)
    copy_to_keras(model.state_dict(), other)
    context = random_clips(workload, "cpu")[:, : workload.length]
    with torch.no_grad():
        ours = model.eval()(context, workload.length).outputs
        theirs = keras.ops.convert_to_numpy(other(context.permute(0, 1, 3, 4, 2).numpy(), training=False))
    trainable = sum(int(np.prod(weight.shape)) for weight in other.trainable_weights)
    expected = torch.from_numpy(np.asarray(theirs)).permute(0, 1, 4, 2, 3)
    return Agreement(ours=_count(model), theirs=trainable, difference=_difference(ours, expected))


def copy_to_plain(weights: Weights, other: nn.Module) -> None:
    """Copy framecast's saved weights; input and recurrent kernels become one, and layers may have another name."""
    cells = [name for name, module in other.named_modules() if isinstance(module, PlainCell)]
    # Sorted by name, so that the input's kernel comes before the recurrent one.
    theirs: Weights = {}
    for name, value in sorted(weights.items()):
        place, _, rest = _plain_name(name, cells).partition(":")
        match rest.split("."):
            case [""]:
                theirs[place] = value
            case ["input_conv" | "recurrent_conv", "weight"]:
                earlier = theirs.get(f"{place}.conv.weight")
                theirs[f"{place}.conv.weight"] = value if earlier is None else torch.cat([earlier, value], dim=1)
            case ["input_conv" | "recurrent_conv", "bias"]:
                theirs[f"{place}.conv.bias"] = value
            case _:
                theirs[f"{place}.{rest}"] = value
    other.load_state_dict(theirs)


def _plain_name(name: str, cells: list[str]) -> str:
    """``cells.0:input_conv.weight`` for a weight of a cell, ``head.weight:`` for any other."""
    own, _, rest = name.partition(".")
    name = f"cells.{rest}" if own == "layers" else name
    for cell in cells:
        if name.startswith(f"{cell}."):
            return f"{cell}:{name.removeprefix(f'{cell}.')}"
    return f"{name}:"


def copy_to_keras(weights: Weights, other: Any) -> None:
    """Copy framecast's saved weights; kernels from (out, in, ...) to (..., in, out)."""

    def kernel(name: str) -> Any:
        value = weights[name]
        return value.permute(*range(2, value.ndim), 1, 0).numpy()

    *recurrent, head = other.layers
    for place, (layer, norm) in enumerate(zip(recurrent[::2], recurrent[1::2], strict=True)):
        bias = weights[f"layers.{place}.input_conv.bias"].numpy()
        kernels = [kernel(f"layers.{place}.{name}.weight") for name in ("input_conv", "recurrent_conv")]
        layer.set_weights([*kernels, bias])
        statistics = ("weight", "bias", "running_mean", "running_var")
        norm.set_weights([weights[f"norms.{place}.{name}"].numpy() for name in statistics])
    head.set_weights([kernel("head.weight"), weights["head.bias"].numpy()])


def _interesting(model: nn.Module) -> Any:
    """Give numbers that start at 0 or 1 (biases, peepholes, statistics) a value that would show if it were lost."""
    generator = torch.Generator().manual_seed(1)
    for value in model.state_dict().values():
        is_kernel = value.ndim >= 4
        if value.is_floating_point() and not is_kernel:
            value.copy_(0.3 + 0.2 * torch.rand(value.shape, generator=generator))
    return model


def _difference(ours: Tensor, theirs: Tensor) -> float:
    return ((ours - theirs).abs().max() / ours.abs().max()).item()


def _count(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare as the command line says; ends with exit code 1 where networks differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agreement", description=__doc__)
    parser.add_argument("--framework", choices=["plain", "keras-tensorflow", "keras-torch", "keras-jax"], required=True)
    parser.add_argument("--workload", choices=sorted(WORKLOADS), required=True)
    asked = parser.parse_args(arguments)
    workload = reduced(WORKLOADS[asked.workload])
    if asked.framework == "plain":
        found = compare_plain(workload)
    else:
        os.environ["KERAS_BACKEND"] = asked.framework.removeprefix("keras-")
        found = compare_keras(importlib.import_module("keras"), workload)
    print(
        f"{asked.workload}, framecast and {asked.framework}: {found.ours:,} and {found.theirs:,} parameters, outputs "
        f"differ by at most {found.difference:.1e} of the largest: {'the same' if found.holds else 'NOT the same'}"
    )
    if not found.holds:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
