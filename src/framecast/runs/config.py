"""The configuration of a run: one dataclass for each top-level key of the YAML file.

Dataclasses that configure one class stand beside that class (a model's settings in the model's file, the clips' in
``clips``); here stand the ones that describe the run as a whole.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, final

from framecast.clips.config import ClipsConfig
from framecast.frames.errors import SourceError
from framecast.frames.source import Source
from framecast.models.layers.recurrence import RecurrenceConfig
from framecast.sources.open import kind_of, open_source
from framecast.sources.table import READERS, SOURCES

_OF_THE_PLACE = {"pattern", "group_pattern"}
"""Settings of a source that say which files it has, not what they mean."""

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", 32, "bf16"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChoice:
    """Where the recordings come from."""

    location: str
    """A path, or the name of a generator (``framecast list sources``)."""

    kind: str | None = None
    """The reader to use; None finds it."""

    options: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of the reader or generator; in the YAML file they stand beside ``location``."""

    def open(self) -> Source:
        """Open the recordings.

        Raises:
            SourceError: nothing readable there.
            ConfigurationError: a setting that the reader does not have.
        """
        return open_source(self.location, kind=self.kind, options=self.options)

    def open_alike(self, location: str | Path, options: Mapping[str, Any] | None = None) -> Source:
        """Open other recordings, read as these were where they are of the same kind: units, layouts, variables and the
        like hold for them too.

        Args:
            location: a path, or the name of a generator or data set.
            options: settings of the reader (``kind`` among them) that come before those of this source.

        Raises:
            SourceError: nothing readable there.
            ConfigurationError: a setting that the reader does not have.
        """
        given = dict(options or {})
        kind = given.pop("kind", None) or kind_of(location)
        kept = self._settings_for(kind)
        return open_source(location, kind=kind, options=kept | given)

    def _settings_for(self, kind: str) -> dict[str, Any]:
        """What holds for other recordings of this kind; nothing where these are of another, whose files say more."""
        if kind not in READERS:
            return {}
        try:
            own = self.kind or kind_of(self.location)
        except SourceError:  # the recordings are gone: a reader that knows every setting is taken for theirs
            own = kind
        known = {field.name for field in fields(SOURCES.load(kind).config_class)}
        if own != kind or not known >= self.options.keys():
            return {}
        return {name: value for name, value in self.options.items() if name not in _OF_THE_PLACE}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Which model, with all of its settings."""

    name: str
    """A name from ``framecast list models``."""

    settings: Any
    """The model's own settings dataclass; in the YAML file they stand beside ``name``."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """The optimiser."""

    name: Literal["adam", "adamw", "rmsprop"] = "adam"
    """Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019) or RMSProp (Tieleman and Hinton 2012)."""

    lr: float = 1e-3
    """Learning rate, the peak of the schedule."""

    weight_decay: float = 0.0
    """Weight decay (decoupled for AdamW)."""

    decay: float = 0.9
    """RMSProp only: decay of the squared-gradient average."""

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise ValueError(f"lr must be above 0, found {self.lr}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must be at least 0, found {self.weight_decay}")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, found {self.decay}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleConfig:
    """How the learning rate changes."""

    name: Literal["constant", "plateau", "cosine", "one-cycle"] = "constant"
    """``plateau`` lowers it when the validation loss is flat; ``cosine`` and ``one-cycle`` end with the training."""

    warmup_steps: int = 0
    """Steps over which the rate rises linearly from near 0 (one-cycle brings its own rise)."""

    factor: float = 0.2
    """Plateau: what the rate is multiplied by."""

    patience: int = 3
    """Plateau: validations without improvement before it is lowered."""

    min_lr: float = 1e-6
    """Plateau and cosine: the lowest rate."""

    rise: float = 0.3
    """One-cycle: share of all steps in which the rate rises."""

    def __post_init__(self) -> None:
        if self.warmup_steps < 0:
            raise ValueError(f"warmup_steps must be at least 0, found {self.warmup_steps}")
        if self.patience < 1:
            raise ValueError(f"patience must be at least 1, found {self.patience}")
        if not self.min_lr >= 0:
            raise ValueError(f"min_lr must be at least 0, found {self.min_lr}")
        if not 0 < self.factor < 1:
            raise ValueError(f"factor must lie between 0 and 1, found {self.factor}")
        if not 0 < self.rise < 1:
            raise ValueError(f"rise must lie between 0 and 1, found {self.rise}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingConfig:
    """Which inputs of an autoregressive model are the truth in training, and which its own forecasts."""

    name: Literal["none", "scheduled", "reverse-scheduled"] = "none"
    """``none`` trains next-frame models on true inputs alone. ``scheduled`` (Bengio et al. 2015) goes over to forecasts
    in the horizon; ``reverse-scheduled`` (PredRNN-V2, 2022) replaces inputs of the context too, at first."""

    start: float = 1.0
    """Scheduled: the probability of the truth before the first step."""

    decrease: float = 2e-5
    """Scheduled: by how much that falls with every step."""

    hold_steps: int = 25_000
    """Reverse-scheduled: steps in which every input is the truth with probability 1/2, before that changes."""

    alpha: float = 5000.0
    """Reverse-scheduled: steps in which the share of forecasts in the context then falls to 1/e of itself."""

    stop_step: int = 50_000
    """From this step on the context is the truth and the horizon is not, as in use."""

    def __post_init__(self) -> None:
        if not 0 <= self.start <= 1:
            raise ValueError(f"start must be a probability from 0 to 1, found {self.start}")
        if not self.decrease >= 0:
            raise ValueError(f"decrease must be at least 0, found {self.decrease}")
        if not self.alpha > 0:
            raise ValueError(f"alpha must be above 0, found {self.alpha}")
        if self.hold_steps < 0 or self.stop_step < 0:
            raise ValueError(f"hold_steps and stop_step must be at least 0, found {self.hold_steps}, {self.stop_step}")
        if self.name == "reverse-scheduled" and self.stop_step < self.hold_steps:
            raise ValueError(f"stop_step must not come before hold_steps, found {self.stop_step} < {self.hold_steps}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How the model is trained."""

    epochs: int = 20
    """Passes over the training clips (for a generator with fresh data: over as many new ones)."""

    max_steps: int | None = None
    """Stop after this many optimiser steps, whatever ``epochs`` says. Schedules end there too."""

    batch_size: int = 16
    """Clips a step."""

    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    clip_norm: float | None = 1.0
    """Gradients are scaled down to this norm; null turns it off."""

    early_stopping: int | None = None
    """Stop after this many validations without improvement; null never stops early."""

    min_delta: float = 0.0
    """By how much the validation loss must fall to count as an improvement; smaller ones are not kept as the best."""

    keep: Literal["best", "last"] = "best"
    """Which weights the run keeps: ``best`` of all validations, or those of the ``last`` one. An adversarial loss makes
    forecasts sharper at the price of the distances that validations measure, so its best are often its blurred ones."""

    ema_decay: float | None = None
    """Keep an exponential moving average of the weights with this decay, validate and save it; null turns it off."""

    penalties: dict[str, float] = field(default_factory=dict[str, float])
    """Weights of the penalties that the model itself contributes, by name; 1 where not named."""

    precision: Precision = "auto"
    """``auto`` computes in bfloat16 where the processor does that itself (GPUs; CPUs with AVX512-BF16 or AMX-BF16), in
    float32 elsewhere. Weights, the optimiser's state and the memory of recurrent cells are always float32."""

    device: Device = "auto"
    """``auto`` takes cuda, then mps, then the CPU."""

    compile: Literal["auto", True, False] = "auto"
    """Compile the pointwise formulas of recurrent layers with torch.compile. ``auto`` does where the machine can (a C++
    compiler for the CPU, Triton for a GPU) and the training is long enough to earn the seconds back."""

    cuda_graphs: bool = False
    """Record a step on the GPU once and replay it, which saves the time of starting thousands of small kernels. Steps
    with missing values, or on a smaller batch, run as they are; other devices, ``sampling``, an adversarial loss and
    scheduled weights of losses refuse it."""

    recurrence: RecurrenceConfig = field(default_factory=RecurrenceConfig)
    """Memory and reach of back-propagation through time."""

    seed: int = 0
    """Every random draw of the training follows from it: weights, order of clips, augmentation. Generators of
    recordings have a seed of their own, ``source.seed``."""

    num_workers: int = 0
    """Processes that read clips beside the training; 0 reads them in a thread."""

    draw_on_device: Literal["auto", True, False] = "auto"
    """Draw the training clips of a digits generator on the training device; bit for bit those that are read otherwise.
    ``auto`` does so on a CUDA device, unless clips are resized, cropped, recoloured, flipped, turned or reversed."""

    validate_every: int = 1
    """Validate every so many epochs (and at the end)."""

    validation_clips: int | None = 512
    """At most so many validation clips, spread evenly; null takes all."""

    pictures_every: int | None = 5
    """Every so many epochs a picture of forecasts on fixed validation clips; null draws none."""

    max_minutes: float | None = None
    """Stop once this training, or this resumption of it, has run for so many minutes; the run is then "interrupted" and
    can be resumed as after Ctrl-C. Nothing else depends on it. Null has no limit."""

    checkpoint_minutes: float = 5.0
    """A checkpoint to resume from is written at least this often, and around every validation."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "validate_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        for name in ("max_steps", "early_stopping", "validation_clips", "pictures_every"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1 or null, found {value}")
        for name in ("seed", "num_workers", "min_delta", "checkpoint_minutes"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, found {getattr(self, name)}")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm must be above 0 or null, found {self.clip_norm}")
        if self.max_minutes is not None and not self.max_minutes > 0:
            raise ValueError(f"max_minutes must be above 0 or null, found {self.max_minutes}")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(f"ema_decay must lie between 0 and 1 or be null, found {self.ema_decay}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """How the run is evaluated."""

    conventions: tuple[str, ...] | None = None
    """Names from ``framecast list conventions``; the first one leads the tables. Null: ``physical`` and ``strict`` for
    recordings with units (mm/h, K), ``strict`` for pictures."""

    baselines: tuple[str, ...] | None = None
    """Names from ``framecast list baselines``. Null: all that suit the recordings and can be computed here (those of
    pysteps for rain alone, and ensembles only by name)."""

    thresholds: tuple[float, ...] | None = None
    """What counts as an event, in the recording's own units, ascending. Null: the usual ones for mm/h and dBZ, none for
    other recordings."""

    resamples: int = 1000
    """How often the bootstrap draws for an interval; 0 gives none."""

    batch_size: int | None = None
    """Clips at a time; null takes the training's."""

    max_clips: int | None = None
    """At most so many clips, spread evenly; null takes all."""

    one_step: bool = True
    """Next-frame models get a second row, marked one-step: true frames as input at every lead."""

    def __post_init__(self) -> None:
        if self.conventions is not None and not self.conventions:
            raise ValueError("conventions must name at least one, such as strict; null chooses by the recordings")
        for name in ("conventions", "baselines"):
            names = getattr(self, name) or ()
            if len(set(names)) < len(names):
                raise ValueError(f"{name} must not name the same twice, found {', '.join(names)}")
        for name in ("batch_size", "max_clips"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1 or null, found {value}")
        if not all(map(math.isfinite, self.thresholds or ())):
            raise ValueError(f"thresholds must be numbers, found {self.thresholds}")
        if self.thresholds is not None and list(self.thresholds) != sorted(set(self.thresholds)):
            raise ValueError(f"thresholds must be ascending and different, found {self.thresholds}")
        if self.resamples and not 100 <= self.resamples <= 100_000:
            raise ValueError(f"resamples must be 0 or from 100 to 100,000, found {self.resamples}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OutputConfig:
    """Where results go."""

    run: Path | None = None
    """The run folder that training writes."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """Everything that a training needs to know; saved as ``config.yaml`` in the run folder."""

    source: SourceChoice
    clips: ClipsConfig
    model: ModelChoice
    loss: dict[str, Any]
    training: TrainingConfig
    evaluation: EvaluationConfig
    output: OutputConfig
