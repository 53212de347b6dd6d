"""Digits drawn from fonts: a small stand-in for handwriting that needs no download.

The fonts are the TrueType files that matplotlib ships. Every face draws each digit several times, with a little
rotation, slant, size and stroke thickness of its own. The splits use different font families (not only different
faces of one family: an oblique face is its upright neighbour slanted), so a shape seen in training never returns in
validation or test. Rendering follows from fixed numbers; another version of FreeType may shift single grey values.

Axes: N digits, H height, W width.
"""

from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.sequence import SPLITS, Split
from framecast.sources.digits.bouncing import DigitBank

if TYPE_CHECKING:
    from PIL import Image, ImageFont

FACES: dict[Split, tuple[str, ...]] = {
    "train": (
        "DejaVuSans",
        "DejaVuSans-Bold",
        "DejaVuSans-Oblique",
        "DejaVuSans-BoldOblique",
        "DejaVuSansMono",
        "DejaVuSansMono-Bold",
        "DejaVuSansMono-Oblique",
        "DejaVuSansMono-BoldOblique",
        "cmr10",
        "cmb10",
        "cmti10",
        "cmtt10",
    ),
    "validation": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    "test": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta", "cmss10"),
}
"""Font files of each split, without their ending: DejaVu Sans and Computer Modern; DejaVu Serif; STIX and CM Sans."""

VARIANTS = 16
"""Drawings of each digit by each face."""

SUPERSAMPLING = 4
"""Glyphs are drawn this many times larger and then averaged down, which smooths their edges."""

MAX_EXTENT = 0.86
"""Largest share of the image's side that a slanted and rotated glyph may cover in either direction."""


@final
class FontDigits(DigitBank):
    """Digits 0 to 9 in the font faces of each split."""

    def __init__(self, size: int) -> None:
        """Choose the side of the images, in pixels."""
        super().__init__()
        self.size = size

    def _load(self, split: Split) -> NDArray[np.uint8]:
        return draw_digits(split, self.size)


def draw_digits(split: Split, size: int) -> NDArray[np.uint8]:
    """Draw all digits of a split.

    Args:
        split: which font families to use.
        size: side of the images, in pixels; a glyph is about three quarters as high.

    Returns:
        (faces x 10 x VARIANTS, size, size) uint8, white on black, the brightest pixel of each image at 255.
    """
    from matplotlib import get_data_path
    from PIL import ImageFont

    large = size * SUPERSAMPLING
    folder = Path(get_data_path()) / "fonts" / "ttf"
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(SPLITS.index(split))))
    images: list[NDArray[np.uint8]] = []
    for face in FACES[split]:
        font = ImageFont.truetype(str(folder / f"{face}.ttf"), large, layout_engine=ImageFont.Layout.BASIC)
        for digit in "0123456789":
            glyphs = [_glyph(font, digit, stroke=stroke) for stroke in range(1 + max(1, large // 36))]
            for thickness, height, rotation, slant in generator.random((VARIANTS, 4)):
                image = _warped(
                    glyphs[int(thickness * len(glyphs))],
                    side=large,
                    height=0.66 + 0.14 * height,
                    rotation=np.radians(24.0 * rotation - 12.0),
                    slant=0.4 * slant - 0.2,
                ).reduce(SUPERSAMPLING)
                values = np.asarray(image, np.float32)
                images.append(np.rint(values * (255.0 / values.max())).astype(np.uint8))
    return np.stack(images)


def _glyph(font: "ImageFont.FreeTypeFont", digit: str, *, stroke: int) -> "Image.Image":
    """A digit, cut to its outline; ``stroke`` pixels are added on either side of every line."""
    from PIL import Image, ImageDraw

    side = 3 * int(font.size)
    image = Image.new("L", (side, side))
    ImageDraw.Draw(image).text((side // 2, side // 2), digit, fill=255, font=font, anchor="mm", stroke_width=stroke)
    return image.crop(image.getbbox())


def _warped(glyph: "Image.Image", *, side: int, height: float, rotation: float, slant: float) -> "Image.Image":
    """A glyph slanted, rotated by ``rotation`` radians, centred on a square, its height a share of the square's."""
    from PIL import Image

    turn = np.array([[np.cos(rotation), -np.sin(rotation)], [np.sin(rotation), np.cos(rotation)]])
    shape = turn @ np.array([[1.0, slant], [0.0, 1.0]])
    extent = float((np.abs(shape) @ np.array(glyph.size)).max())
    scale = side * min(height / glyph.height, MAX_EXTENT / extent)
    # Pillow asks where in the glyph each pixel of the result comes from, so the way back is what it gets.
    back = np.linalg.inv(shape * scale)
    offset = np.array(glyph.size) / 2.0 - back @ np.full(2, side / 2.0)
    (a, b), (c, d) = back
    return glyph.transform(
        (side, side), Image.Transform.AFFINE, (a, b, offset[0], c, d, offset[1]), Image.Resampling.BILINEAR
    )
