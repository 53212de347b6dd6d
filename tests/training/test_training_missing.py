"""What lies under the mask decides nothing: no statistic, no loss, no gradient, no score. Axes: B T C H W."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from framecast.clips.native_batch import NativeBatch
from framecast.clips.normaliser import Normaliser, NormaliserKind
from framecast.clips.transforms import Transform, TransformName
from framecast.losses.table import LOSSES
from framecast.losses.weighted_sum import build_loss
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.table import CONVENTIONS

SHAPE = (3, 4, 1, 12, 12)
CONTEXT = 2

PLAIN = [name for name in LOSSES if name not in ("perceptual", "lpips", "weighted", "crps", "adversarial")]
"""Losses that need no weights, units, ensembles or discriminators; the others have tests of their own."""


def recorded(hidden: np.ndarray, planted: float, seed: int) -> np.ndarray:
    """Rain, with something that stands for nothing wherever it is hidden."""
    draws = np.random.default_rng(seed)
    frames = (np.exp(draws.normal(0, 1, SHAPE)) * (draws.random(SHAPE) < 0.6)).astype(np.float32)
    return np.where(hidden, np.float32(planted), frames)


def weighed(forecast: Tensor, target: Tensor, mask: Tensor, normaliser: Normaliser) -> tuple[Tensor, Tensor]:
    """The loss of every kind together, and its gradient."""
    forecast = forecast.clone().requires_grad_()
    total, _ = build_loss(dict.fromkeys(PLAIN, 1.0))(forecast, target, to_unit=normaliser.to_unit, mask=mask)
    return total.detach(), torch.autograd.grad(total, forecast)[0]


@settings(deadline=None, max_examples=25)
@given(
    kind=st.sampled_from(["unit", "symmetric", "standard"]),
    transform=st.sampled_from(["none", "log", "dbz"]),
    share=st.floats(0.001, 0.6),
    garbage=st.sampled_from([0.3, -7.0, 40.0, torch.nan, torch.inf]),
    seed=st.integers(0, 2**31),
)
def test_nothing_under_the_mask_matters(
    kind: NormaliserKind, transform: TransformName, share: float, garbage: float, seed: int
) -> None:
    hidden = np.random.default_rng(seed + 1).random(SHAPE) < share
    hidden[..., :11, :] &= np.random.default_rng(seed + 2).random((*SHAPE[:2], 1, 1, 1)) < 0.5  # some frames are whole
    fitted: list[Normaliser] = []
    batches = []
    for planted in (np.nan, np.inf, -np.inf):
        native = recorded(hidden, planted, seed)
        pieces = native.reshape(-1, *SHAPE[2:])
        fitted.append(Normaliser.fit(kind, [pieces[:5], pieces[5:]], channels=1, transform=Transform(name=transform)))
        batches.append(
            fitted[-1].batch(NativeBatch(frames=torch.from_numpy(native), context=CONTEXT, missing=bool(hidden.any())))
        )
    assert fitted[0] == fitted[1] == fitted[2]
    mask = batches[0].target_mask
    if mask is None:
        return
    for batch in batches[1:]:
        assert torch.equal(batch.frames, batches[0].frames)
    forecast = batches[0].target + 0.1 * torch.randn(mask.shape, generator=torch.Generator().manual_seed(seed % 2**20))
    target = batches[0].target
    total, slopes = weighed(forecast, target, mask, fitted[0])
    again, other = weighed(forecast, torch.where(mask, target, garbage), mask, fitted[0])
    assert torch.equal(total, again)
    assert torch.equal(slopes, other)
    assert slopes.isfinite().all()
    assert not slopes[~mask].any()
    spoilt, _ = weighed(torch.where(mask, forecast, garbage), target, mask, fitted[0])
    assert torch.equal(total, spoilt)
    for name in CONVENTIONS:
        convention = CONVENTIONS.load(name).at((0.3, 2.0)).available()
        if not convention.metrics:  # all look through networks whose weights are files
            continue
        first, second = Accumulator(convention), Accumulator(convention)
        first.update(forecast, target, mask)
        second.update(torch.where(mask, forecast, garbage), torch.where(mask, target, -garbage), mask)
        for statistic, values in first.per_clip.items():
            np.testing.assert_array_equal(values, second.per_clip[statistic], err_msg=f"{name}/{statistic}")


@pytest.mark.parametrize("transform", ["none", "log", "dbz"])
def test_a_batch_that_is_missing_altogether_teaches_nothing(transform: TransformName) -> None:
    normaliser = Normaliser.fit("unit", (), channels=1, value_range=(0, 50), transform=Transform(name=transform))
    native = torch.full(SHAPE, torch.nan)
    batch = normaliser.batch(NativeBatch(frames=native, context=CONTEXT, missing=True))
    assert batch.target_mask is not None
    total, slopes = weighed(torch.rand(batch.target.shape), batch.target, batch.target_mask, normaliser)
    assert (float(total), float(slopes.abs().max())) == (0.0, 0.0)
