"""Grids: where pixels lie."""

import pickle

import pytest

from framecast.frames.grid import Axis, Grid


def test_an_even_grid_knows_its_pixel_size():
    grid = Grid.even(3, 4, pixel_size=(2.0, 0.5), units="µm")
    assert grid.y.values == (1.0, 3.0, 5.0)
    assert grid.x.values == (0.25, 0.75, 1.25, 1.75)
    assert grid.pixel_size == (2.0, 0.5)
    assert pickle.loads(pickle.dumps(grid)) == grid


def test_rows_that_run_south_have_a_negative_step_and_a_positive_size():
    axis = Axis(name="lat", values=(52.0, 51.0, 50.0), units="degrees_north")
    assert axis.step == -1
    assert Grid(y=axis, x=Axis(name="lon", values=(0.0, 1.0))).pixel_size == (1, 1)


@pytest.mark.parametrize("values", [(1.0,), (0.0, 1.0, 5.0), (2.0, 2.0)])
def test_a_step_that_is_not_one_is_unknown(values):
    assert Axis(name="y", values=values).step is None
