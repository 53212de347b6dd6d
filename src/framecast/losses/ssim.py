"""Structural dissimilarity: 1 - SSIM, with the window and constants of Wang et al. 2004."""

from typing import ClassVar, final

from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss, LossConfig, Space, masked_mean
from framecast.metrics.ssim_formula import SsimFormula


@final
class StructuralSimilarityLoss(Loss):
    """1 - mean SSIM over all windows that lie inside the frame and have no missing pixel; between 0 and 2."""

    space: ClassVar[Space] = "unit"

    def __init__(self, config: LossConfig) -> None:
        super().__init__(config)
        self.formula = SsimFormula()

    def prepare(self, spec: ClipSpec) -> None:
        """See :meth:`Loss.prepare`."""
        self._require_size(spec.height, spec.width)

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`.

        Raises:
            ConfigurationError: the frames are smaller than the window.
        """
        self._require_size(*target.shape[-2:])
        valid = None if mask is None else self.formula.valid(mask)
        return masked_mean(1.0 - self.formula.map(forecast, target), valid)

    def _require_size(self, height: int, width: int) -> None:
        size = self.formula.size
        if min(height, width) < size:
            raise ConfigurationError(
                f"The loss 'ssim' compares windows of {size}x{size} pixels, found frames of {height}x{width}; "
                "use larger frames or another loss."
            )
