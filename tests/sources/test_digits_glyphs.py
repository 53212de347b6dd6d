"""Digits drawn from fonts."""

import subprocess
import sys

import numpy as np
import pytest

from framecast.frames.sequence import SPLITS
from framecast.sources.digits.glyphs import FACES, VARIANTS, draw_digits


@pytest.mark.parametrize("size", [8, 14, 28])
@pytest.mark.parametrize("split", SPLITS)
def test_every_digit_is_whole_and_bright(split, size):
    digits = draw_digits(split, size)
    assert digits.shape == (len(FACES[split]) * 10 * VARIANTS, size, size)
    assert (digits.max(axis=(1, 2)) == 255).all()
    border = np.ones((size, size), bool)
    border[1:-1, 1:-1] = False
    assert digits[:, border].max() < 128, "a digit is cut off"
    ink = (digits > 64).sum(axis=(1, 2)) / size**2
    assert ink.min() > 0.03
    assert ink.max() < 0.6


@pytest.mark.parametrize("axis", [1, 2])
def test_digits_are_centred(axis):
    inked = (draw_digits("test", 28) > 64).any(axis=axis)
    off_centre = (inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1)) / 2
    assert abs(off_centre.mean()) < 0.5
    assert np.abs(off_centre).max() <= 3


def test_drawing_again_gives_the_same():
    np.testing.assert_array_equal(draw_digits("validation", 14), draw_digits("validation", 14))


def test_splits_share_no_font_and_no_image():
    faces = [face for split in SPLITS for face in FACES[split]]
    assert len(set(faces)) == len(faces)
    images = {split: {image.tobytes() for image in draw_digits(split, 14)} for split in SPLITS}
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not images[one] & images[other]


def test_variants_differ_and_digits_can_be_told_apart():
    digits = draw_digits("train", 14)
    assert len({image.tobytes() for image in digits}) > 0.99 * len(digits)
    means = digits.reshape(-1, 10, VARIANTS, 14, 14).astype(float).mean(axis=(0, 2))
    gaps = ((means[:, None] - means[None]) ** 2).mean(axis=(2, 3)) + 1e9 * np.eye(10)
    assert gaps.min() > 100.0


def test_opening_loads_no_drawing_library():
    program = (
        "import sys\n"
        "from framecast.sources.digits.moving_digits import MovingDigitsConfig, MovingDigitsSource\n"
        "MovingDigitsSource.open('moving-digits', MovingDigitsConfig())\n"
        "print([name for name in ('torch', 'PIL', 'matplotlib') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
