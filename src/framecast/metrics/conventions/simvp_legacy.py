"""``simvp-legacy``: what SimVP and the code bases that grew from it print, PSNR in 8-bit arithmetic that wraps.

The metrics of SimVP (https://github.com/A4Bio/SimVP, API/metrics.py), taken over by SwinLSTM, by VMRNN and by OpenSTL
until commit 0d74406 (June 2023). Everything but PSNR is as in ``openstl``. PSNR takes frames clipped to [0, 1], cuts
them to ``uint8``, and squares their difference in ``uint8``, where both steps are modulo 256: see ``wrapped_psnr``.
SwinLSTM does not clip before SSIM and weights every batch alike, which is left out here.
"""

from framecast.metrics.absolute_error import MeanAbsoluteError
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.preparation import clip_forecast
from framecast.metrics.squared_error import MeanSquaredError
from framecast.metrics.ssim import StructuralSimilarity
from framecast.metrics.ssim_formula import SsimFormula
from framecast.metrics.wrapped_psnr import WrappedPeakSignalToNoiseRatio

SIMVP_LEGACY = Convention(
    name="simvp-legacy",
    summary="SimVP, SwinLSTM, VMRNN, OpenSTL before June 2023: as openstl, but PSNR in 8-bit arithmetic that wraps.",
    source="https://github.com/A4Bio/SimVP, API/metrics.py",
    metrics=(
        MeanSquaredError(summary="Squared error summed over a frame, mean over frames.", unit="per frame", per="frame"),
        MeanAbsoluteError(
            summary="Absolute error summed over a frame, mean over frames.", unit="per frame", per="frame"
        ),
        StructuralSimilarity(
            summary="Structural similarity, uniform 7x7 window, L = 2.",
            prepare=clip_forecast,
            formula=SsimFormula(window="uniform", size=7, data_range=2.0, covariance="sample"),
        ),
        WrappedPeakSignalToNoiseRatio(),
    ),
    notes=(
        "psnr is wrong, and published: differences and squares are taken modulo 256, so it cannot fall below 24.1 dB "
        "and may rise with the error; compare it with figures of the same origin and nothing else.",
        "mse and mae are of forecasts as they are, also outside [0, 1], and sum over the pixels of a frame: "
        "they grow with its size.",
        "psnr and ssim are of forecasts clipped to [0, 1]; ssim takes L = 2 for values in [0, 1], which makes it "
        "higher than the SSIM of the paper.",
    ),
)
