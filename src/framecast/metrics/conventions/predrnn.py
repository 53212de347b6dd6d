"""``predrnn``: what the authors' code of PredRNN and PredRNN-V2 prints.

Source: https://github.com/thuml/predrnn-pytorch, core/trainer.py and core/utils/metrics.py. Forecasts are clipped to
[0, 1] before anything else. MSE is summed over a frame; the code prints it for each lead, and, as "mse per seq", summed
over the leads as well: divide that by their number. PSNR and SSIM are of frames cut down to 8-bit levels, with
differences in whole numbers that do not wrap; SSIM has scikit-image's defaults for ``uint8``: uniform window of 7x7,
sample covariance, L = 255. LPIPS shows its network values in [0, 1], where that expects [-1, 1]. The code of E3D-LSTM,
which this one follows, computes PSNR in the same way.
"""

from framecast.metrics.conventions.convention import Convention
from framecast.metrics.lpips import LearnedPerceptualSimilarity
from framecast.metrics.preparation import clip_forecast, truncate_to_bytes
from framecast.metrics.psnr import PeakSignalToNoiseRatio
from framecast.metrics.squared_error import MeanSquaredError
from framecast.metrics.ssim import StructuralSimilarity
from framecast.metrics.ssim_formula import SsimFormula

PREDRNN = Convention(
    name="predrnn",
    summary="predrnn-pytorch: clipped, MSE summed over a frame, PSNR and SSIM of 8-bit frames, L = 255.",
    source="https://github.com/thuml/predrnn-pytorch, core/trainer.py",
    prepare=clip_forecast,
    metrics=(
        MeanSquaredError(summary="Squared error summed over a frame, mean over frames.", unit="per frame", per="frame"),
        PeakSignalToNoiseRatio(
            summary="Peak signal-to-noise ratio of 8-bit frames, mean of per-frame values.",
            prepare=truncate_to_bytes,
            floor=0.0,
        ),
        StructuralSimilarity(
            summary="Structural similarity of 8-bit frames, uniform 7x7 window, L = 255.",
            prepare=truncate_to_bytes,
            formula=SsimFormula(window="uniform", size=7, covariance="sample"),  # L = 1 of levels / 255
        ),
        LearnedPerceptualSimilarity(
            summary="Learned perceptual distance (LPIPS), AlexNet shown values in [0, 1].", inputs="unit"
        ),
    ),
    notes=(
        "Everything is of forecasts clipped to [0, 1]; mse sums over the pixels of a frame and grows with its size.",
        "The code prints 'mse per seq', summed over the leads: that is this mse times their number.",
        "psnr and ssim are of frames cut down to 8-bit levels, which removes faint noise; a frame forecast exactly is "
        "infinitely good.",
        "lpips is computed of values in [0, 1], where the network expects [-1, 1]: compare it with its like only.",
    ),
)
