"""Moving MNIST made from the real digits has the statistics that the published protocol gives."""

import numpy as np
import pytest

from framecast.sources.digits.moving_mnist import TEST_IMAGES, TRAIN_IMAGES, MovingMnistConfig, MovingMnistSource


@pytest.fixture(scope="module")
def mnist(test_data):
    folder = test_data / "mnist"
    if not folder.is_dir():
        pytest.skip("no MNIST files in FRAMECAST_TEST_DATA")
    return folder


@pytest.mark.parametrize(("digits", "expected"), [(2, (285.0, 188.0, 174.0)), (1, (155.0, 101.0, 88.0))])
def test_squared_errors_of_simple_forecasts(mnist, digits, expected):
    """Ten frames to ten frames: copying the last, the mean of the context, black; squared error summed over a frame."""
    config = MovingMnistConfig(
        folder=str(mnist), digits=digits, train_sequences=0, validation_sequences=0, test_sequences=300
    )
    sequences = MovingMnistSource.open("moving-mnist", config).sequences
    frames = np.stack([sequence.read() for sequence in sequences]) / 255.0
    context, target = frames[:, :10], frames[:, 10:]
    guesses = (context[:, -1:], context.mean(axis=1, keepdims=True), np.zeros_like(target))
    errors = [((guess - target) ** 2).sum(axis=(2, 3, 4)).mean() for guess in guesses]
    np.testing.assert_allclose(errors, expected, rtol=0.08)


def test_the_real_digits_are_divided_without_overlap(mnist):
    config = MovingMnistConfig(folder=str(mnist), train_sequences=1, validation_sequences=0, test_sequences=0)
    bank = MovingMnistSource.open("moving-mnist", config).sequences[0].choreography.bank
    counts = [len(bank.images(split)) for split in ("train", "validation", "test")]
    assert counts == [55_000, 5_000, 10_000]
    assert bank.size == 28


def test_the_published_checksums_are_those_of_the_real_files(mnist, monkeypatch):
    monkeypatch.setenv("FRAMECAST_OFFLINE", "1")
    cache = mnist.parent
    monkeypatch.setenv("FRAMECAST_CACHE", str(cache))
    for file in (TRAIN_IMAGES, TEST_IMAGES):
        assert (mnist / file.name).stat().st_size == file.num_bytes
    source = MovingMnistSource.open("moving-mnist", MovingMnistConfig(test_sequences=1))
    assert source.sequences[-1].read().max() > 200
