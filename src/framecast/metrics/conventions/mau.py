"""``mau``: what the authors' code of MAU prints.

Source: https://github.com/ZhengChang467/MAU, core/trainer.py. Forecasts are clipped to [0, 1] before anything else. MSE
and MAE are summed over a frame. PSNR is the mean over frames of 10 log10(1 / mean e²). SSIM has scikit-image's defaults
of 2021 for floating-point frames: uniform window of 7x7, sample covariance, L = 2. LPIPS is 100 times the mean of maps
that were enlarged to the frame's size.
"""

from framecast.metrics.absolute_error import MeanAbsoluteError
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.lpips import LearnedPerceptualSimilarity
from framecast.metrics.preparation import clip_forecast
from framecast.metrics.psnr import PeakSignalToNoiseRatio
from framecast.metrics.squared_error import MeanSquaredError
from framecast.metrics.ssim import StructuralSimilarity
from framecast.metrics.ssim_formula import SsimFormula

MAU = Convention(
    name="mau",
    summary="MAU: clipped, MSE and MAE summed over a frame; SSIM with a uniform 7x7 window and L = 2; LPIPS times 100.",
    source="https://github.com/ZhengChang467/MAU, core/trainer.py",
    prepare=clip_forecast,
    metrics=(
        MeanSquaredError(summary="Squared error summed over a frame, mean over frames.", unit="per frame", per="frame"),
        MeanAbsoluteError(
            summary="Absolute error summed over a frame, mean over frames.", unit="per frame", per="frame"
        ),
        PeakSignalToNoiseRatio(floor=0.0),
        StructuralSimilarity(
            summary="Structural similarity, uniform 7x7 window, L = 2.",
            formula=SsimFormula(window="uniform", size=7, data_range=2.0, covariance="sample"),
        ),
        LearnedPerceptualSimilarity(
            summary="100 times the learned perceptual distance (LPIPS), AlexNet, mean of enlarged maps.",
            spatial=True,
            factor=100.0,
        ),
    ),
    notes=(
        "Everything is of forecasts clipped to [0, 1]; mse and mae sum over the pixels of a frame and grow with its "
        "size.",
        "psnr is the mean of per-frame values, and a frame forecast exactly is infinitely good.",
        "ssim takes L = 2 for values in [0, 1], which makes it higher than the SSIM of the paper.",
        "lpips is 100 times as large as elsewhere, and the mean of maps that were enlarged to the frame's size.",
    ),
)
