"""``openstl``: what the benchmark OpenSTL prints for Moving MNIST and KTH, whose table most papers are set beside.

Source: https://github.com/chengtan9907/OpenSTL, its metrics as they stand since commit 0d74406 (June 2023), with the
scikit-image that its environment pins (0.19 at most). MSE and MAE are summed over a frame (C, H, W), then averaged over
clips and leads, of forecasts as the network wrote them. RMSE is the root of that sum. The others are of forecasts
clipped to [0, 1]. PSNR is the mean over frames of -10 log10(mean e²), infinite for an exact one. SSIM is scikit-image's
default of those days, with L = 2 for floating-point frames: a uniform window of 7x7 pixels, sample covariance, windows
inside the frame, mean over channels. SNR is the mean over frames of 10 log10(mean t² / mean e²). LPIPS is that of
AlexNet, shown values in [-1, 1], grey frames as three equal channels.

For its weather data, OpenSTL divides by the number of values instead; that variant is not meant here.
"""

from framecast.metrics.absolute_error import MeanAbsoluteError
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.lpips import LearnedPerceptualSimilarity
from framecast.metrics.preparation import clip_forecast
from framecast.metrics.psnr import PeakSignalToNoiseRatio
from framecast.metrics.snr import SignalToNoiseRatio
from framecast.metrics.squared_error import MeanSquaredError, RootMeanSquaredError
from framecast.metrics.ssim import StructuralSimilarity
from framecast.metrics.ssim_formula import SsimFormula

OPENSTL = Convention(
    name="openstl",
    summary="OpenSTL's table: MSE and MAE summed over a frame, unclipped; SSIM with a uniform 7x7 window and L = 2.",
    source="https://github.com/chengtan9907/OpenSTL, openstl/core/metrics.py",
    metrics=(
        MeanSquaredError(summary="Squared error summed over a frame, mean over frames.", unit="per frame", per="frame"),
        MeanAbsoluteError(
            summary="Absolute error summed over a frame, mean over frames.", unit="per frame", per="frame"
        ),
        RootMeanSquaredError(
            summary="Root of the squared error summed over a frame, mean over frames.", unit="per frame", per="frame"
        ),
        PeakSignalToNoiseRatio(prepare=clip_forecast, floor=0.0),
        StructuralSimilarity(
            summary="Structural similarity, uniform 7x7 window, L = 2.",
            prepare=clip_forecast,
            formula=SsimFormula(window="uniform", size=7, data_range=2.0, covariance="sample"),
        ),
        SignalToNoiseRatio(prepare=clip_forecast),
        LearnedPerceptualSimilarity(prepare=clip_forecast),
    ),
    notes=(
        "mse, mae and rmse are of forecasts as they are, also outside [0, 1], and sum over the pixels of a frame: "
        "they grow with its size.",
        "psnr, ssim, snr and lpips are of forecasts clipped to [0, 1]; psnr is the mean of per-frame values, and a "
        "frame forecast exactly is infinitely good.",
        "snr sets the error beside the brightness of the true frame; a black one has no signal: minus infinity.",
        "ssim takes L = 2 for values in [0, 1], which makes it higher than the SSIM of the paper.",
    ),
)
