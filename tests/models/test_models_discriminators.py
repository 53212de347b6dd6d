"""Discriminators: shapes, what a score sees, independence of clips, size, spectral norm. Axes: B T C H W."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from framecast.models.discriminators.spatial import SpatialDiscriminator
from framecast.models.discriminators.temporal import TemporalDiscriminator


def rand(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 23), (64, 32), (31, 100)])
def test_spatial_scores_have_an_eighth_of_the_size(channels: int, height: int, width: int) -> None:
    judge = SpatialDiscriminator(channels, filters=2)
    scores = judge(rand(2, 3, channels, height, width))
    assert scores.shape == (2, 3, 1, height // 8, width // 8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("context", "horizon"), [(1, 1), (3, 2), (10, 10), (10, 1), (1, 7)])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (19, 33)])
def test_temporal_scores_are_there_for_every_length(
    channels: int, context: int, horizon: int, height: int, width: int
) -> None:
    judge = TemporalDiscriminator(channels, filters=2)
    scores = judge(rand(2, context, channels, height, width), rand(2, horizon, channels, height, width))
    assert scores.shape[:1] == (2,)
    assert scores.shape[1] >= 1
    assert scores.shape[2:] == (1, height // 8, width // 8)


def test_temporal_scores_are_centred_on_the_frames_to_be_judged() -> None:
    judge = TemporalDiscriminator(1, filters=2)
    assert judge(rand(1, 10, 1, 16, 16), rand(1, 10, 1, 16, 16)).shape[1] == 2  # frames 12 and 16 of 0 .. 19
    assert judge(rand(1, 8, 1, 16, 16), rand(1, 9, 1, 16, 16)).shape[1] == 3  # frames 8, 12 and 16


def seen(scores: Tensor, frames: Tensor) -> Tensor:
    """Where the gradient of a score is not 0."""
    return torch.autograd.grad(scores, frames, retain_graph=True)[0] != 0


def test_a_spatial_score_sees_its_patch_and_nothing_else() -> None:
    judge = SpatialDiscriminator(1, filters=4)
    frames = rand(1, 2, 1, 96, 96).requires_grad_()
    found = seen(judge(frames)[0, 1, 0, 6, 5], frames)[0]
    assert not found[0].any()  # the other frame
    rows, columns = found[1, 0].nonzero(as_tuple=True)
    # Score i of the last layer reads rows i - 1 .. i + 1 of the third, each of which reads 22 pixels from 8 j - 7 on.
    assert (int(rows.min()), int(rows.max())) == (8 * 5 - 7, 8 * 7 - 7 + 21)
    assert (int(columns.min()), int(columns.max())) == (8 * 4 - 7, 8 * 6 - 7 + 21)
    assert int(rows.max() - rows.min()) + 1 == 38


def test_a_temporal_score_sees_context_and_continuation() -> None:
    judge = TemporalDiscriminator(1, filters=4)
    context, frames = rand(1, 10, 1, 16, 16).requires_grad_(), rand(1, 10, 1, 16, 16, seed=2).requires_grad_()
    scores = judge(context, frames)
    first = scores[0, 0, 0, 0, 0]  # centred on frame 12, 17 frames long: 4 .. 20
    assert seen(first, context)[0].flatten(1).any(1).tolist() == [False] * 4 + [True] * 6
    assert seen(first, frames)[0].flatten(1).any(1).tolist() == [True] * 10
    last = scores[0, -1, 0, 0, 0]  # centred on frame 16: 8 .. 24
    assert seen(last, context)[0].flatten(1).any(1).tolist() == [False] * 8 + [True] * 2


def test_the_context_decides_what_a_true_continuation_is() -> None:
    judge = TemporalDiscriminator(1, filters=4)
    frames = rand(1, 4, 1, 16, 16)
    assert not torch.equal(judge(rand(1, 4, 1, 16, 16, seed=2), frames), judge(rand(1, 4, 1, 16, 16, seed=3), frames))


def test_the_border_between_context_and_forecast_is_marked() -> None:
    """The same eight frames, all known or half of them judged, are not the same question."""
    judge = TemporalDiscriminator(1, filters=4).eval()
    clip = rand(1, 8, 1, 16, 16)
    last = [judge(clip[:, :known], clip[:, known:])[:, -1] for known in (3, 4)]
    assert not torch.equal(*last)


@pytest.mark.parametrize("mode", [True, False])
def test_clips_are_judged_independently(mode: bool) -> None:
    """In training too: batch statistics would mix truth and forecast, which share a pass."""
    spatial, temporal = SpatialDiscriminator(2, filters=3).train(mode), TemporalDiscriminator(2, filters=3).train(mode)
    context, frames = rand(3, 4, 2, 16, 18), rand(3, 5, 2, 16, 18, seed=2).requires_grad_()
    for scores in (spatial(frames), temporal(context, frames)):
        assert seen(scores[1].sum(), frames).flatten(1).any(1).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("kind", "channels", "expected"),
    [
        # 4x4 kernels: inputs x outputs x 16 + outputs; then 3x3 to one score
        (SpatialDiscriminator, 1, 16 * 32 + 32 + 16 * 32 * 64 + 64 + 16 * 64 * 128 + 128 + 9 * 128 + 1),
        (SpatialDiscriminator, 3, 16 * 96 + 32 + 16 * 32 * 64 + 64 + 16 * 64 * 128 + 128 + 9 * 128 + 1),
        # 3x4x4 kernels over one more channel; then 3x3x3
        (TemporalDiscriminator, 1, 48 * 64 + 32 + 48 * 32 * 64 + 64 + 48 * 64 * 128 + 128 + 27 * 128 + 1),
    ],
)
def test_parameters_are_those_of_the_layers(kind: Any, channels: int, expected: int) -> None:
    assert sum(weight.numel() for weight in kind(channels, filters=32).parameters()) == expected


def spectral_norms(module: nn.Module) -> list[float]:
    """The largest singular value of every convolution's weights as they are used, as a matrix (outputs, rest)."""
    weights = [layer.weight for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Conv3d)]
    return [float(torch.linalg.matrix_norm(weight.detach().flatten(1), ord=2)) for weight in weights]


@pytest.mark.parametrize("kind", [SpatialDiscriminator, TemporalDiscriminator])
def test_spectral_norms_stay_about_one_however_large_the_weights_become(kind: Any) -> None:
    judge = kind(1, filters=8)
    context, frames = rand(2, 3, 1, 16, 16), rand(2, 3, 1, 16, 16, seed=2)
    optimizer = torch.optim.SGD(judge.parameters(), lr=0.5)
    for step in range(30):
        judge.train()
        scores = judge(frames) if kind is SpatialDiscriminator else judge(context, frames)
        optimizer.zero_grad()
        (scores.mean() * (-1) ** (step // 10)).backward()
        optimizer.step()
    with torch.no_grad():
        for weight in judge.parameters():
            weight.mul_(50)
    judge.eval()
    assert spectral_norms(judge) == pytest.approx([1.0] * 4, abs=0.1)


@pytest.mark.parametrize("kind", [SpatialDiscriminator, TemporalDiscriminator])
def test_gradients_are_finite_for_constant_and_extreme_frames(kind: Any) -> None:
    judge = kind(1, filters=4)
    for value in (0.0, 1.0, -1e3, 1e3):
        frames = torch.full((1, 2, 1, 16, 16), value, requires_grad=True)
        scores = judge(frames) if kind is SpatialDiscriminator else judge(frames.detach(), frames)
        (slopes,) = torch.autograd.grad(scores.sum(), frames, create_graph=True)
        assert scores.isfinite().all()
        assert slopes.isfinite().all()
        assert all(
            part is None or part.isfinite().all()
            for part in torch.autograd.grad(slopes.square().sum(), list(judge.parameters()), allow_unused=True)
        )
