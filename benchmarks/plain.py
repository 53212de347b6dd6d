"""The same networks as a loop in PyTorch, the way they are usually written: a peer, not a part of framecast.

A cell concatenates input and state, convolves them once a step, cuts the result into four gates, and the loop over time
collects the states in a list and stacks them. Everything runs eagerly and in the default memory layout. The numbers
are framecast's: equal weights give equal outputs, which ``benchmarks/agreement.py`` checks.

Axes: B clips, T frames (K of context, M of horizon), C channels, F filters, H height, W width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.workloads import Workload


class PlainCell(nn.Module):
    """A ConvLSTM cell with one convolution for input and state together; gates in the order i, f, c, o."""

    def __init__(self, channels: int, filters: int, workload: Workload) -> None:
        super().__init__()
        self.filters = filters
        self.relu = workload.family == "stack"
        self.peepholes = workload.family == "encoder-forecaster"
        size, bias = workload.kernel_size, workload.family != "unrolled"
        self.conv = nn.Conv2d(channels + filters, 4 * filters, size, padding=size // 2, bias=bias)
        if self.peepholes:
            self.w_ci = nn.Parameter(torch.zeros(filters, 1, 1))
            self.w_cf = nn.Parameter(torch.zeros(filters, 1, 1))
            self.w_co = nn.Parameter(torch.zeros(filters, 1, 1))

    def start(self, batch: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """Zeros of (B, F, H, W), twice, on the device and of the size of ``like`` (..., H, W)."""
        hidden = torch.zeros(batch, self.filters, *like.shape[-2:], device=like.device)
        return hidden, torch.zeros_like(hidden)

    def forward(self, frame: Tensor | None, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """One step: from (B, C, H, W) and the state to the next state."""
        h, c = state
        gates = self.conv(h if frame is None else torch.cat([frame, h], dim=1))
        i, f, g, o = torch.chunk(gates, 4, dim=1)
        if self.peepholes:
            i, f = i + self.w_ci * c, f + self.w_cf * c
        squash = torch.relu if self.relu else torch.tanh
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * squash(g)
        if self.peepholes:
            o = o + self.w_co * c
        return torch.sigmoid(o) * squash(c), c


def run_layer(
    cell: PlainCell, frames: Tensor | None, state: tuple[Tensor, Tensor], num_steps: int
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """All steps of one layer: (B, T, C, H, W), or None for a layer without inputs, to (B, T, F, H, W)."""
    outputs: list[Tensor] = []
    for step in range(num_steps):
        state = cell(None if frames is None else frames[:, step], state)
        outputs.append(state[0])
    return torch.stack(outputs, dim=1), state


class PlainStack(nn.Module):
    """Layers with batch normalisation, and a 3-D convolution with a sigmoid; output t is lead t."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        below = (workload.frame_channels, *workload.widths[:-1])
        self.cells = nn.ModuleList(PlainCell(c, f, workload) for c, f in zip(below, workload.widths, strict=True))
        self.norms = nn.ModuleList(nn.BatchNorm3d(f, eps=1e-3, momentum=0.01) for f in workload.widths)
        self.head = nn.Conv3d(workload.widths[-1], 1, 3, padding=1)

    def forward(self, context: Tensor) -> Tensor:
        """From (B, K, C, H, W) to as many leads."""
        frames = context
        for cell, norm in zip(self.cells, self.norms, strict=True):
            assert isinstance(cell, PlainCell)
            frames, _ = run_layer(cell, frames, cell.start(len(frames), frames), frames.shape[1])
            frames = norm(frames.transpose(1, 2)).transpose(1, 2)
        return torch.sigmoid(self.head(frames.transpose(1, 2)).transpose(1, 2))


class PlainEncoderForecaster(nn.Module):
    """A stack that reads the context, and one that starts from its states and writes the horizon."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.patch, self.horizon = workload.patch, workload.length
        below = (workload.frame_channels, *workload.widths[:-1])
        self.encoder = nn.ModuleList(PlainCell(c, f, workload) for c, f in zip(below, workload.widths, strict=True))
        self.forecaster = nn.ModuleList(
            PlainCell(c, f, workload) for c, f in zip((0, *below[1:]), workload.widths, strict=True)
        )
        self.head = nn.Conv2d(sum(workload.widths), workload.frame_channels, 1)

    def forward(self, context: Tensor) -> Tensor:
        """From (B, K, C, H, W) to (B, M, C, H, W)."""
        frames: Tensor | None = F.pixel_unshuffle(context, self.patch)
        states: list[tuple[Tensor, Tensor]] = []
        for cell in self.encoder:
            assert isinstance(cell, PlainCell)
            frames, state = run_layer(cell, frames, cell.start(len(frames), frames), frames.shape[1])
            states.append(state)
        frames, hidden = None, []
        for cell, state in zip(self.forecaster, states, strict=True):
            assert isinstance(cell, PlainCell)
            frames, _ = run_layer(cell, frames, state, self.horizon)
            hidden.append(frames)
        features = torch.cat(hidden, dim=2)
        patches = self.head(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        return F.pixel_shuffle(patches, self.patch)


class PlainUnrolled(nn.Module):
    """One stack from frame to frame; beyond the context it reads what it has just written."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.patch, self.horizon = workload.patch, workload.length
        below = (workload.frame_channels, *workload.widths[:-1])
        self.cells = nn.ModuleList(PlainCell(c, f, workload) for c, f in zip(below, workload.widths, strict=True))
        self.head = nn.Conv2d(workload.widths[-1], workload.frame_channels, 1, bias=False)

    def forward(self, context: Tensor) -> Tensor:
        """From (B, K, C, H, W) to (B, K + M - 1, C, H, W): what follows each frame of the context, and the horizon."""
        patches = F.pixel_unshuffle(context, self.patch)
        cells = [cell for cell in self.cells if isinstance(cell, PlainCell)]
        states = [cell.start(len(patches), patches) for cell in cells]
        outputs: list[Tensor] = []
        for step in range(context.shape[1] + self.horizon - 1):
            frame = patches[:, step] if step < context.shape[1] else outputs[-1]
            for layer, cell in enumerate(cells):
                states[layer] = cell(frame, states[layer])
                frame = states[layer][0]
            outputs.append(self.head(frame))
        return F.pixel_shuffle(torch.stack(outputs, dim=1), self.patch)


def plain_model(workload: Workload) -> nn.Module:
    """The loop for a workload; it takes the context and returns every frame that is compared in training."""
    match workload.family:
        case "stack":
            return PlainStack(workload)
        case "encoder-forecaster":
            return PlainEncoderForecaster(workload)
        case "unrolled":
            return PlainUnrolled(workload)
