"""Model: a forecaster that is trained, built from its own configuration and the clips that it will see.

Axes: B clips, K context frames, M horizon frames, T = K + M - 1 inputs, C channels, H height, W width.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, final

import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast, Forecaster
from framecast.frames.teacher import Teacher


class Model(Forecaster):
    """A trained forecaster.

    A subclass is one file: mathematics only, with a frozen dataclass of its settings beside it. It is constructed as
    ``SomeModel(config, spec)``; whatever cannot be built raises :class:`~framecast.frames.errors.ConfigurationError`.
    """

    config_class: ClassVar[type[Any]]
    """The frozen dataclass of settings; every field has a default and a docstring."""

    def __init__(self, config: Any, spec: ClipSpec) -> None:
        super().__init__()
        self.config = config
        self.spec = spec
        carried = [place in spec.carried_channels for place in range(spec.channels)]
        # On the device with the model, because a copy at every step would make the device wait.
        self.register_buffer(
            "_carried", torch.tensor(carried).view(-1, 1, 1) if any(carried) else None, persistent=False
        )

    @final
    def fed_back(self, forecast: Tensor, latest: Tensor) -> Tensor:
        """Forecast frames as the next input.

        Channels that are seen and not forecast (a map of heights, the hour) stay as they were in the latest input,
        because nothing taught the model to write them.

        Args:
            forecast: (B, M, C, H, W), as the model wrote it.
            latest: (B, T, C, H, W), what the model read last.

        Returns:
            (B, M, C, H, W).
        """
        carried = self.get_buffer("_carried") if self.spec.carried_channels else None
        return forecast if carried is None else torch.where(carried, latest[:, -1:], forecast)


class TeachableModel(Model):
    """A next-frame model that is unrolled over context and horizon in training too, its forecasts fed back.

    In training a :class:`~framecast.frames.teacher.Teacher` may have it read true frames in their place. Without one,
    the context is the truth and the horizon follows from forecasts alone.
    """

    objective = "next_frame"

    @abstractmethod
    def unroll(self, context: Tensor, horizon: int, teacher: Teacher | None) -> Forecast:
        """Forecast.

        Args:
            context: (B, K, C, H, W) float, normalised.
            horizon: M, at least 1.
            teacher: decides every input, those of the context included; its first K frames are the context. Given in
                training alone, and checked.

        Returns:
            The K - 1 outputs within the context as ``one_step``, and ``horizon`` frames.
        """

    @final
    def forward(self, context: Tensor, horizon: int, *, teacher: Teacher | None = None) -> Forecast:
        """Forecast, in training perhaps with a teacher.

        Raises:
            ValueError: a teacher outside of training, or one that does not cover the K + M - 1 inputs.
        """
        if teacher is not None:
            if not self.training:
                raise ValueError("a teacher is for training alone; this model is in eval mode")
            expected = (context.shape[0], context.shape[1] + horizon - 1, *context.shape[2:])
            if teacher.frames.shape != expected:
                raise ValueError(
                    f"a teacher for a context {tuple(context.shape)} and {horizon} frames of horizon holds the inputs "
                    f"{expected}, not {tuple(teacher.frames.shape)}"
                )
        return self.unroll(context, horizon, teacher)

    if TYPE_CHECKING:

        def __call__(  # noqa: D102 - it is forward, typed
            self, context: Tensor, horizon: int, *, teacher: Teacher | None = None
        ) -> Forecast: ...
