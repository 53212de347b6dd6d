"""The table of losses. A new loss is one file beside this one, and one line here."""

from framecast.frames.table import Entry, Table

LOSSES = Table(
    "loss",
    {
        "mse": Entry("framecast.losses.mse:SquaredErrorLoss", "Mean squared error."),
        "mae": Entry("framecast.losses.mae:AbsoluteErrorLoss", "Mean absolute error."),
        "charbonnier": Entry(
            "framecast.losses.charbonnier:CharbonnierLoss", "Absolute error with a round tip (Charbonnier 1994)."
        ),
        "bce": Entry("framecast.losses.bce:CrossEntropyLoss", "Binary cross-entropy of values taken as probabilities."),
        "ssim": Entry("framecast.losses.ssim:StructuralSimilarityLoss", "Structural dissimilarity, 1 - SSIM."),
        "ms_ssim": Entry(
            "framecast.losses.ms_ssim:MultiScaleDissimilarityLoss", "Multi-scale structural dissimilarity, 1 - MS-SSIM."
        ),
        "gdl": Entry(
            "framecast.losses.gdl:GradientDifferenceLoss", "Gradient difference: equally strong edges (Mathieu 2016)."
        ),
        "perceptual": Entry(
            "framecast.losses.perceptual:PerceptualLoss", "Distance of features of VGG16 (Johnson 2016). Needs weights."
        ),
        "lpips": Entry(
            "framecast.losses.lpips:LpipsLoss", "Learned perceptual distance (LPIPS, Zhang 2018). Needs weights."
        ),
        "focal_frequency": Entry(
            "framecast.losses.focal_frequency:FocalFrequencyLoss",
            "Squared distance of spectra; frequencies that are far off count more (Jiang 2021).",
        ),
        "spectral": Entry(
            "framecast.losses.spectral:SpectralLoss", "Equally strong detail at every wavelength, against blur."
        ),
        "difference_divergence": Entry(
            "framecast.losses.difference_divergence:DifferenceDivergenceLoss",
            "Divergence of the changes from frame to frame (TAU, Tan 2023).",
        ),
        "weighted": Entry(
            "framecast.losses.weighted:WeightedLoss",
            "Squared or absolute error with heavier weight for heavy rain (B-MSE and B-MAE, Shi 2017).",
        ),
        "crps": Entry("framecast.losses.crps:CrpsLoss", "Fair CRPS, for models whose forecast is an ensemble."),
        "adversarial": Entry(
            "framecast.losses.adversarial:AdversarialLoss",
            "Discriminators that learn to tell forecasts from the truth, in training, beside a distance.",
        ),
    },
)
