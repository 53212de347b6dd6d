"""``strict``: framecast's own convention, made so that two figures of one name can be compared."""

from framecast.metrics.absolute_error import MeanAbsoluteError
from framecast.metrics.binary_accuracy import BinaryAccuracy, BinaryAccuracyCeiling
from framecast.metrics.binary_cross_entropy import (
    BinaryCrossEntropy,
    BinaryCrossEntropyExcess,
    BinaryCrossEntropyFloor,
)
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.ms_ssim_formula import WEIGHTS
from framecast.metrics.preparation import clip_forecast
from framecast.metrics.psnr import PeakSignalToNoiseRatio, PooledPeakSignalToNoiseRatio
from framecast.metrics.sharpness import Sharpness
from framecast.metrics.spectral_distance import SpectralDistance
from framecast.metrics.spectral_slope import SpectralSlopeError
from framecast.metrics.squared_error import MeanSquaredError, RootMeanSquaredError
from framecast.metrics.ssim import MultiScaleStructuralSimilarity, StructuralSimilarity

STRICT = Convention(
    name="strict",
    summary="framecast's own: clipped to [0, 1], means per pixel, PSNR per frame and pooled, SSIM as in its paper.",
    source="Wang et al. 2004 for SSIM and 2003 for MS-SSIM, pysteps for spectra; the rest is defined by the notes",
    prepare=clip_forecast,
    metrics=(
        MeanSquaredError(),
        MeanAbsoluteError(),
        RootMeanSquaredError(),
        PeakSignalToNoiseRatio(),
        PooledPeakSignalToNoiseRatio(),
        StructuralSimilarity(scales=WEIGHTS),
        MultiScaleStructuralSimilarity(),
        Sharpness(),
        SpectralDistance(),
        SpectralSlopeError(),
        BinaryCrossEntropy(),
        BinaryCrossEntropyFloor(),
        BinaryCrossEntropyExcess(),
        BinaryAccuracy(),
        BinaryAccuracyCeiling(),
    ),
    notes=(
        "The native range is scaled to [0, 1], and forecasts are clipped to it.",
        "MSE, MAE, BCE and accuracy are means per pixel; missing pixels do not count.",
        "psnr is the mean of per-frame values, psnr_pooled comes from the mean squared error of all frames; "
        "a frame forecast exactly counts as 100 dB.",
        "SSIM: Gaussian window of 11x11 pixels, sigma 1.5, L = 1, population covariance, "
        "only windows inside the frame and without missing pixels.",
        "ms_ssim: the five scales of its paper, with that window; frames need 176 pixels a side.",
        "sharpness compares the strength of edges, spectral_distance and spectral_slope_error the power at each "
        "wavelength; none of them sees where things are, so read them beside an error.",
        "bce cannot fall below bce_floor, nor accuracy rise above accuracy_ceiling: both follow from the targets.",
    ),
)
