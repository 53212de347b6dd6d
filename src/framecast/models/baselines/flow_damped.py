"""Damped flow: the flow forecast, trusted as far as it has earned on the training clips.

A motion that goes on for ever is right about the first frames and too sharp for the last ones: detail in the wrong
place costs twice. So each lead is a mixture of the flow forecast, the same seen blurred by 4 and by 16 pixels, and the
mean of the context, all as departures from climatology:

    forecast = climatology + w1 (flow - climatology) + w2 (blur4 - climatology) + w3 (blur16 - climatology)
                           + w4 (mean - climatology)

The four weights of every lead and channel are fitted by least squares. Whatever gives no help gets no weight: on rain
the first leads are flow, sharp or hardly blurred, and the last ones flow blurred widely; on bouncing digits climatology
takes over. Of all that a linear rule can make of motion, memory and habit it errs least on the training clips: a
network has learned something where it beats this.

Axes: B clips, K context frames, M horizon frames, C channels, H height, W width, R predictors.
"""

from collections.abc import Iterable
from typing import final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.frames.quantity import Quantity
from framecast.models.baselines.baseline import Baseline
from framecast.models.baselines.climatology import Climatology, require_fitted
from framecast.models.baselines.dis_flow import opencv
from framecast.models.baselines.flow import FALLBACK, flow_forecast
from framecast.models.baselines.lead_regression import LeadRegression

_BLURS = (4, 16)
"""Pixels; a value of the blurred forecast is about the mean over so many along each axis."""

NUM_PREDICTORS = 2 + len(_BLURS)


@final
class FlowDamped(Baseline):
    """A fitted mixture, lead by lead, of flow, blurred flow, mean of the context and climatology; clipped to the range
    of the values. Leads beyond those of training take the last one's weights.
    """

    average: Tensor
    """(C, H, W) float32, the climatology; NaN until fitted."""

    weights: Tensor
    """(M, C, R) float32; NaN until fitted."""

    low: Tensor
    high: Tensor

    def __init__(self, spec: ClipSpec, quantity: Quantity | None = None) -> None:
        super().__init__(spec, quantity)
        self.register_buffer("average", torch.full((spec.channels, spec.height, spec.width), torch.nan))
        self.register_buffer("weights", torch.full((spec.horizon, spec.channels, NUM_PREDICTORS), torch.nan))
        self.register_buffer("low", torch.tensor(spec.low).view(-1, 1, 1), persistent=False)
        self.register_buffer("high", torch.tensor(spec.high).view(-1, 1, 1), persistent=False)

    def fit(self, clips: Iterable[Batch]) -> None:
        """Fit climatology to all clips, and the weights to some of them: of 2,000 about a hundred, spread evenly.

        Args:
            clips: normalised training batches, read once.

        Raises:
            ValueError: there is not a single batch.
        """
        regression = LeadRegression(self._predictors)
        climatology = Climatology(self.spec, self.quantity)
        climatology.fit(regression.watching(clips))
        self.average.copy_(climatology.average)
        self.weights.copy_(regression.weights(climatology.average))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        """Forecast ``horizon`` frames (B, M, C, H, W) from the context (B, K, C, H, W).

        Raises:
            RuntimeError: not fitted yet.
            ValueError: frames of another size than those it was fitted to.
        """
        require_fitted(self.average, context, who="damped flow")
        leads = torch.arange(horizon, device=context.device).clamp(max=len(self.weights) - 1)
        weights = self.weights[leads].to(context.dtype)[..., None, None]
        average = self.average.to(context.dtype)
        forecast = average.expand(context.shape[0], horizon, *average.shape)
        for number, predictor in enumerate(self._predictors(context, horizon)):
            forecast = forecast + weights[:, :, number] * (predictor - average)
        return Forecast(forecast.clamp(self.low.to(context.dtype), self.high.to(context.dtype)))

    def caveats(self) -> tuple[str, ...]:
        """Says so where OpenCV is not there."""
        return () if opencv() is not None else (FALLBACK,)

    def _predictors(self, context: Tensor, horizon: int) -> list[Tensor]:
        """R times (B, M, C, H, W)."""
        flow = flow_forecast(context, horizon, self.spec, self.quantity)
        mean = context.mean(dim=1, keepdim=True).expand_as(flow)
        return [flow, *(_blurred(flow, pixels) for pixels in _BLURS), mean]


def _blurred(frames: Tensor, pixels: int) -> Tensor:
    """Means over squares of so many pixels, with smooth passages between them."""
    height, width = frames.shape[-2:]
    flat = frames.flatten(0, 1)
    if height % pixels or width % pixels:
        flat = pad(flat, (0, -width % pixels, 0, -height % pixels), mode="replicate")
    smooth = interpolate(avg_pool2d(flat, pixels), flat.shape[-2:], mode="bilinear", align_corners=False)
    return smooth[..., :height, :width].reshape(frames.shape)
