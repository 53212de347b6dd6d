"""Digits composed by torch: the bits of the numpy ones; and drawn at random on the device: their distribution."""

import math
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray
from scipy import stats

from framecast.frames.sequence import Split
from framecast.sources.digits.bouncing import BouncingConfig, DigitBank, bouncing_sequences
from framecast.sources.digits.drawing import DigitDrawing
from framecast.sources.digits.moving_digits import MovingDigitsConfig, MovingDigitsSource
from framecast.sources.digits.moving_mnist import MovingMnistConfig, MovingMnistSource
from framecast.sources.digits.on_device import DigitsOnDevice, bouncing_paths
from framecast.sources.digits.trajectories import compose, trajectories

ALPHA = 1e-3
"""Equal distributions are told apart this rarely; the seeds are fixed, so a test that passes always does."""


class Plain(DigitBank):
    """``count`` images, one bright pixel each in the upper left corner: its value is 1 + the digit's number."""

    def __init__(self, count: int = 20, size: int = 4) -> None:
        super().__init__()
        self.count, self.size = count, size

    def _load(self, split: Split) -> NDArray[np.uint8]:
        images = np.zeros((self.count, self.size, self.size), np.uint8)
        images[:, 0, 0] = np.arange(1, self.count + 1)
        return images


def corners_of(frames: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(B, T, 2): where the only bright pixel is."""
    flat = frames.reshape(*frames.shape[:2], -1).argmax(axis=-1)
    return np.stack([flat // frames.shape[-1], flat % frames.shape[-1]], axis=-1)


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(*[st.integers(1, 4)] * 3), size=st.integers(1, 6), room=st.integers(0, 5), seed=st.integers(0, 99)
)
def test_torch_composes_the_same_bits(shape: tuple[int, int, int], size: int, room: int, seed: int) -> None:
    clips, num_frames, num_digits = shape
    generator = np.random.default_rng(seed)
    digits = generator.integers(0, 256, (clips, num_digits, size, size), dtype=np.uint8)
    corners = generator.integers(0, room + 1, (clips, num_frames, num_digits, 2)).astype(np.int32)
    frames = DigitDrawing.of(digits, corners, canvas=size + room).draw()
    assert frames.dtype == torch.uint8
    expected = [compose(digits[clip], corners[clip], canvas=size + room) for clip in range(clips)]
    np.testing.assert_array_equal(frames.numpy(), np.stack(expected)[:, :, None], strict=True)


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_source_draws_what_its_sequences_read(epoch: int) -> None:
    config = MovingDigitsConfig(train_sequences=6, validation_sequences=3, test_sequences=3, digits=3, fresh=True)
    source = MovingDigitsSource.open("moving-digits", config).renewed(epoch)
    places = np.array([11, 0, 4, 8, 4])  # of all splits
    times = np.random.default_rng(1).integers(0, config.num_frames, (5, 9))
    expected = [source.sequences[place].read()[time] for place, time in zip(places, times, strict=True)]
    np.testing.assert_array_equal(source.drawing(places, times).draw().numpy(), np.stack(expected))


def test_moving_mnist_draws_what_it_reads(test_data: Path) -> None:
    folder = test_data / "mnist"
    if not folder.is_dir():
        pytest.skip("no MNIST files in FRAMECAST_TEST_DATA")
    config = MovingMnistConfig(folder=str(folder), train_sequences=50, validation_sequences=0, test_sequences=20)
    source = MovingMnistSource.open("moving-mnist", config)
    places, times = np.arange(70), np.tile(np.arange(20), (70, 1))
    expected = np.stack([sequence.read() for sequence in source.sequences])
    np.testing.assert_array_equal(source.drawing(places, times).draw().numpy(), expected)


@pytest.mark.parametrize("step", [0.0, 0.013, 0.1, 0.45, 1.0])
def test_the_closed_form_of_the_motion_is_the_loop(step: float) -> None:
    generator = np.random.default_rng(2)
    start, angle = generator.random((400, 3, 2)), generator.random((400, 3)) * 2 * np.pi
    start[0] = 0.0
    expected = trajectories(start, angle, num_frames=70, step=step)
    found = bouncing_paths(torch.from_numpy(start), torch.from_numpy(angle), num_frames=70, step=step)
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12)


CONFIG = BouncingConfig(digits=1, canvas=34, num_frames=20, train_sequences=4000)


@pytest.fixture(scope="module")
def on_cpu() -> NDArray[np.uint8]:
    """(B, T, H, W) by the generator that reads."""
    sequences = bouncing_sequences(Plain(), CONFIG)[: CONFIG.train_sequences]
    return np.stack([sequence.read()[:, 0] for sequence in sequences])


@pytest.fixture(scope="module")
def on_device() -> NDArray[np.uint8]:
    """As many by the one that lives on a device, of the same settings."""
    made = DigitsOnDevice.of(Plain(), CONFIG, split="train", device="cpu")
    generator = torch.Generator().manual_seed(4)
    return made.drawing(CONFIG.train_sequences, generator=generator).draw()[:, :, 0].numpy()


def different_digits(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """p of a chi-square test that the digits are drawn alike."""
    table = [np.bincount(frames[:, 0].max(axis=(1, 2)), minlength=21)[1:] for frames in (one, other)]
    return float(stats.chi2_contingency(np.array(table)).pvalue)


def different_motion(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Least p, times the number of tests, that positions, steps, directions and ends are distributed alike."""
    found: list[float] = []
    first, second = corners_of(one), corners_of(other)
    for axis in (0, 1):
        for time in (0, 1, 9, 19):
            found.append(stats.ks_2samp(first[:, time, axis], second[:, time, axis]).pvalue)
        for time in (0, 5):
            steps = [corners[:, time + 1, axis] - corners[:, time, axis] for corners in (first, second)]
            found.append(stats.ks_2samp(*steps).pvalue)
    turns = [np.arctan2(*(corners[:, 3] - corners[:, 0]).T) for corners in (first, second)]
    found.append(stats.ks_2samp(*turns).pvalue)
    return min(found) * len(found)


def different_means(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """p of a chi-square test that a digit's corner is as often in each of 8 x 8 parts of the middle frame."""
    corners = [corners_of(frames)[:, 10] // 4 for frames in (one, other)]
    table = np.array([np.bincount(places @ np.array([8, 1]), minlength=64) for places in corners])
    return float(stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)


def test_digits_and_motion_are_distributed_as_on_the_cpu(
    on_cpu: NDArray[np.uint8], on_device: NDArray[np.uint8]
) -> None:
    assert different_digits(on_cpu, on_device) > ALPHA
    assert different_motion(on_cpu, on_device) > ALPHA
    assert different_means(on_cpu, on_device) > ALPHA
    assert on_device.shape == on_cpu.shape


def test_each_digit_is_as_likely_as_any_other(on_device: NDArray[np.uint8]) -> None:
    counts = np.bincount(on_device[:, 0].max(axis=(1, 2)), minlength=21)[1:]
    assert stats.chisquare(counts).pvalue > ALPHA


def test_starts_and_directions_are_uniform() -> None:
    """Before the first step and before any wall, read back from a canvas so large that pixels hardly matter."""
    config = BouncingConfig(digits=1, canvas=30_000, num_frames=2, step=0.001)
    images = torch.ones((1, 1, 1), dtype=torch.uint8)
    corners = DigitsOnDevice(images, config).drawing(5000, generator=torch.Generator().manual_seed(1)).corners
    first, second = (corners[:, time, 0].double().numpy() / 29_999 for time in (0, 1))
    inside = ((first > 0.001) & (first < 0.999)).all(axis=1)
    for axis in (0, 1):
        assert stats.kstest(first[inside, axis], stats.uniform(0.001, 0.998).cdf).pvalue > ALPHA
    angle = np.arctan2(*(second - first)[inside].T)
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > ALPHA
    assert abs(stats.pearsonr(first[inside, 0], angle).statistic) < 0.06


def test_two_digits_have_the_mean_frame_of_the_cpu() -> None:
    config = BouncingConfig(digits=2, canvas=16, num_frames=6, train_sequences=3000)
    bank = Plain(count=5, size=7)
    bank.images("train")[:] = np.random.default_rng(0).integers(0, 256, (5, 7, 7))
    one = np.stack([sequence.read() for sequence in bouncing_sequences(bank, config)[:3000]]).astype(float)
    made = DigitsOnDevice.of(bank, config, split="train", device="cpu")
    other = made.drawing(3000, generator=torch.Generator().manual_seed(2)).draw().numpy().astype(float)
    spread = np.sqrt((one.var(axis=0) + other.var(axis=0)) / 3000)
    z = (one.mean(axis=0) - other.mean(axis=0)) / spread
    assert np.abs(z).max() < stats.norm.isf(ALPHA / z.size)


def planted(fault: str) -> NDArray[np.uint8]:
    """Sequences of a generator that is a little wrong."""
    generator = np.random.default_rng(8)
    count, images = CONFIG.train_sequences, Plain().images("train")
    start, angle = generator.random((count, 1, 2)), generator.random((count, 1)) * 2 * np.pi
    chosen = generator.integers(0, 20, (count, 1))
    step = CONFIG.step
    match fault:
        case "starts in the middle":
            start = 0.1 + 0.8 * start
        case "half of the directions":
            angle = angle / 2
        case "a quarter turn less":
            angle = angle * 0.75
        case "slow":
            step = 0.09
        case "one digit is never drawn":
            chosen = generator.integers(0, 19, (count, 1))
        case _:
            raise ValueError(fault)
    paths = trajectories(start, angle, num_frames=20, step=step)
    corners = (paths * 30).astype(np.int32).swapaxes(1, 2)
    return DigitDrawing.of(images[chosen], np.ascontiguousarray(corners), canvas=34).draw()[:, :, 0].numpy()


@pytest.mark.parametrize(
    "fault",
    ["starts in the middle", "half of the directions", "a quarter turn less", "slow", "one digit is never drawn"],
)
def test_a_generator_that_is_a_little_wrong_is_told_apart(on_cpu: NDArray[np.uint8], fault: str) -> None:
    wrong = planted(fault)
    assert min(different_digits(on_cpu, wrong), different_motion(on_cpu, wrong)) < ALPHA / 10


def test_sequences_follow_from_the_generator() -> None:
    made = DigitsOnDevice.of(Plain(), CONFIG, split="train", device="cpu")
    state = torch.random.get_rng_state()
    one, same, other = (made.drawing(5, generator=torch.Generator().manual_seed(seed)).draw() for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(made.drawing(5, generator=generator).draw(), one)
    assert not torch.equal(made.drawing(5, generator=generator).draw(), one)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (torch.zeros(4, 5, 5), "uint8"),
        (torch.zeros(4, 5, 6, dtype=torch.uint8), r"\(4, 5, 6\)"),
        (torch.zeros(5, 5, dtype=torch.uint8), r"\(5, 5\)"),
        (torch.zeros(4, 65, 65, dtype=torch.uint8), "65 pixels do not fit a canvas of 34"),
    ],
)
def test_other_images_are_a_programming_error(images: torch.Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DigitsOnDevice(images, CONFIG)


def test_a_full_circle_is_two_pi() -> None:
    """The closed form takes radians, like the loop."""
    start = torch.full((1, 2), 0.5, dtype=torch.float64)
    for angle, expected in ((0.0, (0.5, 0.6)), (math.pi / 2, (0.6, 0.5)), (math.pi, (0.5, 0.4))):
        path = bouncing_paths(start, torch.tensor([angle], dtype=torch.float64), num_frames=1, step=0.1)
        assert path[0, 0].tolist() == pytest.approx(expected)
