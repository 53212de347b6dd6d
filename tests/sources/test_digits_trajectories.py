"""The published protocol, against a plain loop written for one digit at a time."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given, settings

from framecast.sources.digits.trajectories import compose, trajectories


def plain_trajectory(start, angle, num_frames, step):
    """One point, one frame at a time, in Python floats."""
    y, x = start
    velocity_y, velocity_x = math.sin(angle), math.cos(angle)
    path = []
    for _ in range(num_frames):
        y += velocity_y * step
        x += velocity_x * step
        if x <= 0:
            x, velocity_x = 0.0, -velocity_x
        if x >= 1:
            x, velocity_x = 1.0, -velocity_x
        if y <= 0:
            y, velocity_y = 0.0, -velocity_y
        if y >= 1:
            y, velocity_y = 1.0, -velocity_y
        path.append((y, x))
    return path


def plain_frames(digits, paths, canvas):
    """(T, H, W): each digit pasted by the maximum, one pixel at a time."""
    size = len(digits[0])
    frames = [[[0] * canvas for _ in range(canvas)] for _ in paths[0]]
    for digit, path in zip(digits, paths, strict=True):
        for frame, (y, x) in zip(frames, path, strict=True):
            top, left = int((canvas - size) * y), int((canvas - size) * x)
            for i in range(size):
                for j in range(size):
                    frame[top + i][left + j] = max(frame[top + i][left + j], int(digit[i][j]))
    return np.array(frames)


@settings(deadline=None, max_examples=40)
@given(
    start=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    angle=st.floats(0, 2 * math.pi),
    num_frames=st.integers(1, 60),
    step=st.sampled_from([0.0, 0.03, 0.1, 0.7, 1.0]),
)
@example(start=(0.0, 0.0), angle=0.0, num_frames=40, step=0.1)
@example(start=(1.0, 1.0), angle=math.pi / 2, num_frames=40, step=0.1)
@example(start=(0.5, 0.0), angle=math.pi, num_frames=40, step=1.0)
def test_a_path_is_that_of_the_plain_loop(start, angle, num_frames, step):
    path = trajectories(np.array(start), np.array(angle), num_frames=num_frames, step=step)
    np.testing.assert_allclose(path, plain_trajectory(start, angle, num_frames, step), rtol=0, atol=1e-12)
    assert path.min() >= 0.0
    assert path.max() <= 1.0


def test_many_paths_at_once_are_the_paths_one_by_one():
    generator = np.random.default_rng(3)
    start, angle = generator.random((5, 2, 2)), generator.random((5, 2)) * 2 * np.pi
    together = trajectories(start, angle, num_frames=30, step=0.1)
    assert together.shape == (5, 2, 30, 2)
    for place in np.ndindex(5, 2):
        alone = trajectories(start[place], angle[place], num_frames=30, step=0.1)
        np.testing.assert_array_equal(together[place], alone)


def test_the_start_is_left_alone():
    start = np.full((3, 2), 0.5)
    trajectories(start, np.ones(3), num_frames=4, step=0.1)
    np.testing.assert_array_equal(start, 0.5)


def test_the_overshoot_of_a_bounce_is_lost():
    path = trajectories(np.array([0.5, 0.95]), np.array(0.0), num_frames=3, step=0.1)
    np.testing.assert_allclose(path[:, 1], [1.0, 0.9, 0.8])


@pytest.mark.parametrize("canvas", [5, 9])
def test_overlapping_digits_keep_the_brighter_value(canvas):
    generator = np.random.default_rng(0)
    digits = generator.integers(0, 256, (3, 5, 5), dtype=np.uint8)
    paths = generator.random((3, 7, 2))
    corners = ((canvas - 5) * paths).astype(np.int32)
    frames = compose(digits, corners.swapaxes(0, 1), canvas=canvas)
    assert frames.dtype == np.uint8
    np.testing.assert_array_equal(frames, plain_frames(digits, paths, canvas))
