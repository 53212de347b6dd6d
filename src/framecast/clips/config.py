"""Settings of the clips: how sequences become windows, splits, and normalised batches (the ``clips`` section)."""

from dataclasses import dataclass, field
from typing import Literal

from framecast.clips.augment import AugmentConfig
from framecast.clips.channels import ChannelsConfig
from framecast.clips.conversion import Color, Fit
from framecast.clips.normaliser import NormaliserKind
from framecast.clips.splits import SplitConfig
from framecast.clips.transforms import Transform
from framecast.frames.sequence import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipsConfig:
    """How clips are cut from a source and what they look like."""

    context: int = 10
    """Frames seen."""

    horizon: int = 10
    """Frames to forecast."""

    stride: int | None = None
    """Frames from the start of one clip to the start of the next. Null: 1 in training, so that every window is used;
    ``horizon * frame_step`` in validation and test, so that no frame is forecast twice."""

    frame_step: int = 1
    """Every how many frames of the recording one is taken (2 halves the frame rate)."""

    size: tuple[int, int] | int | None = None
    """Height and width that frames are resized to, or one number for a square. Null keeps them as they are."""

    fit: Fit = "stretch"
    """What happens where ``size`` has another shape than the frames: ``stretch`` distorts them, ``crop`` cuts off what
    stands over, ``pad`` keeps all of them and fills up with missing values, which are neither trained on nor scored."""

    crop: tuple[int, int] | int | None = None
    """Height and width of a window of the (resized) frames to train and score on, or one number for a square; a
    forecast of a whole recording is put together from such windows. Null takes whole frames."""

    crop_at: tuple[float, float] | None = None
    """Where that window lies, as shares of the room that it has downwards and to the right: [0.5, 0.5] is the middle.
    Null: in training at random, elsewhere in the middle."""

    color: Color = "keep"
    """``grey`` (ITU-R 601 luma), ``rgb`` (grey repeated), or ``keep``."""

    channels: ChannelsConfig = field(default_factory=ChannelsConfig)
    """Which channels are to be forecast, and what is shown beside the recorded ones."""

    too_short: Literal["skip", "error"] = "skip"
    """Sequences shorter than one clip: leave them out and say so, or refuse the source."""

    split: SplitConfig = field(default_factory=SplitConfig)
    """What is for training, validation and test."""

    normaliser: NormaliserKind = "unit"
    """``unit`` [0, 1], ``symmetric`` [-1, 1], ``standard`` (mean 0, deviation 1 for each channel)."""

    transform: Transform = field(default_factory=Transform)
    """A logarithmic scale before the normaliser, for fields such as rain; undone on output."""

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Random changes of training clips."""

    cache_gib: float = 1.0
    """Memory for frames that were read, resized and coloured, in GiB; 0 reads every clip anew."""

    leak_frames: int = 20_000
    """Before training, so many frames are read at most to look for frames and clips of the test in the training (see
    :mod:`framecast.clips.leaks`); 0 leaves that out."""

    def __post_init__(self) -> None:
        for name in ("context", "horizon", "frame_step"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        if self.stride is not None and self.stride < 1:
            raise ValueError(f"stride must be at least 1, or null for the default, found {self.stride}")
        if self.frame_size is not None and min(self.frame_size) < 1:
            raise ValueError(f"size must be at least 1 in both directions, found {self.size}")
        if self.fit != "stretch" and self.size is None:
            raise ValueError(f"fit={self.fit} needs a size to fit frames to, such as size=64")
        if self.crop_size is not None and min(self.crop_size) < 1:
            raise ValueError(f"crop must be at least 1 in both directions, found {self.crop}")
        if self.crop_size is not None and self.frame_size is not None:
            (height, width), (rows, columns) = self.crop_size, self.frame_size
            if height > rows or width > columns:
                raise ValueError(f"crop={height}x{width} is larger than size={rows}x{columns}")
        if self.crop_at is not None and not all(0 <= share <= 1 for share in self.crop_at):
            raise ValueError(f"crop_at must be two shares from 0 to 1, found {self.crop_at}")
        for name in ("cache_gib", "leak_frames"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more, found {getattr(self, name)}")

    @property
    def length(self) -> int:
        """Frames of a clip: context + horizon."""
        return self.context + self.horizon

    @property
    def span(self) -> int:
        """Frames of the recording from a clip's first to its last, both counted."""
        return (self.length - 1) * self.frame_step + 1

    def stride_in(self, split: Split) -> int:
        """Frames from the start of one clip of a split to the start of the next."""
        return self.stride or (1 if split == "train" else self.horizon * self.frame_step)

    @property
    def frame_size(self) -> tuple[int, int] | None:
        """(height, width), or None to keep the native size."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @property
    def crop_size(self) -> tuple[int, int] | None:
        """(height, width), or None for whole frames."""
        return (self.crop, self.crop) if isinstance(self.crop, int) else self.crop
