"""Tiles cover a frame, their weights sum to 1, and what all of them forecast alike comes out as it is."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from framecast.forecasting.tiling import Cover, forecast_in_bands

COVERS = st.builds(
    lambda tile, more, overlap: (tile + more, tile, overlap),
    st.integers(1, 24),
    st.integers(0, 80),
    st.floats(0, 0.9),
)


@settings(deadline=None, max_examples=300)
@given(COVERS)
def test_tiles_cover_every_pixel_with_weights_that_sum_to_one(cover: tuple[int, int, float]) -> None:
    length, tile, overlap = cover
    found = Cover.of(length, tile, overlap)
    assert found.starts[0] == 0
    assert found.starts[-1] == length - tile
    assert list(found.starts) == sorted(set(found.starts))
    total = np.zeros(length)
    for start, weights in zip(found.starts, found.weights, strict=True):
        assert (weights > 0).all()
        total[start : start + tile] += weights
    np.testing.assert_allclose(total, 1, rtol=0, atol=1e-14)
    for before, after in zip(found.starts, found.starts[1:], strict=False):
        assert before + tile - after >= min(round(overlap * tile), tile - 1)  # they overlap by what was asked for
    for gap in np.diff(found.starts):
        assert abs(gap - np.diff(found.starts).mean()) <= 1  # evenly spread


@settings(deadline=None, max_examples=60)
@given(COVERS, COVERS, st.integers(1, 9))
def test_what_tiles_copy_comes_out_bit_for_bit(
    vertical: tuple[int, int, float], horizontal: tuple[int, int, float], at_once: int
) -> None:
    rows, columns = Cover.of(*vertical), Cover.of(*horizontal)
    frame = torch.from_numpy(np.random.default_rng(0).random((3, 2, vertical[0], horizontal[0]), np.float32))
    asked: list[int] = []

    def persistence(context: Tensor) -> Tensor:
        assert context.shape[-2:] == (rows.tile, columns.tile)
        asked.append(len(context))
        return context[:, -1:].repeat(1, 2, 1, 1, 1)

    heights: list[int] = []

    def read(start: int, stop: int) -> Tensor:
        heights.append(stop - start)
        return frame[..., start:stop, :]

    bands = list(forecast_in_bands(read, persistence, rows, columns, at_once=at_once))
    assert [top for top, _ in bands] == list(rows.starts)
    whole = torch.cat([band for _, band in bands], dim=-2)
    assert torch.equal(whole.float(), frame[-1:].expand(2, -1, -1, -1))
    assert max(asked) <= at_once  # memory does not grow with the frame
    assert sum(asked) == len(rows.starts) * len(columns.starts)
    assert set(heights) == {rows.tile}


def test_a_single_tile_passes_untouched() -> None:
    frame = torch.rand(2, 3, 5, 7) * 1e30
    [(top, band)] = forecast_in_bands(
        lambda start, stop: frame[..., start:stop, :], lambda seen: seen, Cover.of(5, 5), Cover.of(7, 7), at_once=1
    )
    assert top == 0
    assert torch.equal(band, frame.double())


def test_there_is_no_seam_between_tiles_that_disagree() -> None:
    """Every tile forecasts its own level; the step from one level to the next is spread over the overlap."""
    rows, columns = Cover.of(8, 8), Cover.of(80, 16, 0.5)
    levels = iter(range(100))

    def own_level(context: Tensor) -> Tensor:
        return torch.stack([torch.full((1, 1, 8, 16), float(next(levels))) for _ in context])

    [(_, band)] = forecast_in_bands(lambda start, stop: torch.zeros(1, 1, 8, 80), own_level, rows, columns, at_once=2)
    line = band[0, 0, 0].numpy()
    assert line[0] == 0
    assert line[-1] == len(columns.starts) - 1
    assert np.abs(np.diff(line)).max() < 0.25


@pytest.mark.parametrize(("length", "tile", "overlap"), [(4, 5, 0.2), (5, 0, 0.2), (9, 3, -0.1), (9, 3, 0.95)])
def test_impossible_covers_are_a_programming_error(length: int, tile: int, overlap: float) -> None:
    with pytest.raises(ValueError, match="found tiles"):
        Cover.of(length, tile, overlap)
