"""``earthformer``: what Earthformer's code prints for Moving MNIST.

Source: https://github.com/amazon-science/earth-forecasting-transformer, scripts/cuboid_transformer/moving_mnist, with
the torchmetrics of its time (2022). Forecasts are compared as they are. MSE and MAE are means per value times the
pixels of a frame: sums over the pixels of a channel, mean over clips, leads and channels. SSIM is torchmetrics'
default: Gaussian window of 11x11, σ 1.5, population covariance, windows inside the frame (torchmetrics took in windows
that reach over the border only from September 2024 on), and L not given.

Without L, torchmetrics takes the larger range of forecast and truth over all that it looks at together: every clip of
the test in versions up to the middle of 2022, which collected them; the batch at hand in later ones. So the published
figure depends on a clip's company. Here L is the range of each clip by itself, which is theirs for one clip at a time,
and does not depend on anything else.
"""

from framecast.metrics.absolute_error import MeanAbsoluteError
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.squared_error import MeanSquaredError
from framecast.metrics.ssim import StructuralSimilarity

EARTHFORMER = Convention(
    name="earthformer",
    summary="Earthformer on Moving MNIST: unclipped, errors times H x W, SSIM with the range of each clip as L.",
    source="https://github.com/amazon-science/earth-forecasting-transformer, train_cuboid_mnist.py",
    metrics=(
        MeanSquaredError(
            summary="Squared error summed over the pixels of a channel, mean over frames.",
            unit="per frame",
            per="channel",
        ),
        MeanAbsoluteError(
            summary="Absolute error summed over the pixels of a channel, mean over frames.",
            unit="per frame",
            per="channel",
        ),
        StructuralSimilarity(
            summary="Structural similarity, Gaussian 11x11 window, L the range of the clip.", range_of_clip=True
        ),
    ),
    notes=(
        "Forecasts are compared as they are, also outside [0, 1]; mse and mae sum over the pixels of a frame and grow "
        "with its size.",
        "ssim takes as L the larger range of forecast and truth over each clip: a forecast that overshoots widens it, "
        "and a clip in which neither varies does not count.",
        "The published figures take L from a batch of clips or, with older versions of torchmetrics, from all of them, "
        "which is at least as wide; they are of 1,000 sequences of the test file.",
    ),
)
