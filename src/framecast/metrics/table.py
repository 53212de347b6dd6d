"""The table of metrics. A new metric is one file beside this one, one line here, and a test of its own.

Each entry is a class that can be constructed without arguments; conventions construct their own variants.
"""

from framecast.frames.table import Entry, Table

METRICS = Table(
    "metric",
    {
        "mse": Entry("framecast.metrics.squared_error:MeanSquaredError", "Mean squared error per pixel."),
        "mae": Entry("framecast.metrics.absolute_error:MeanAbsoluteError", "Mean absolute error per pixel."),
        "rmse": Entry("framecast.metrics.squared_error:RootMeanSquaredError", "Root of the pooled mean squared error."),
        "bias": Entry("framecast.metrics.bias:Bias", "Mean error per pixel: above 0 where forecasts are too high."),
        "psnr": Entry(
            "framecast.metrics.psnr:PeakSignalToNoiseRatio", "Peak signal-to-noise ratio, mean of per-frame values."
        ),
        "psnr_pooled": Entry(
            "framecast.metrics.psnr:PooledPeakSignalToNoiseRatio",
            "Peak signal-to-noise ratio of the pooled mean squared error.",
        ),
        "ssim": Entry("framecast.metrics.ssim:StructuralSimilarity", "Structural similarity, Gaussian 11x11 window."),
        "ms_ssim": Entry(
            "framecast.metrics.ssim:MultiScaleStructuralSimilarity",
            "Multi-scale structural similarity, five scales; frames of 176 pixels or more.",
        ),
        "sharpness": Entry(
            "framecast.metrics.sharpness:Sharpness",
            "Strength of edges beside the truth's: below 1 is blurred, above 1 noisy.",
        ),
        "spectral_distance": Entry(
            "framecast.metrics.spectral_distance:SpectralDistance",
            "Distance between the mean power spectra of forecasts and truth, root mean square.",
        ),
        "spectral_slope_error": Entry(
            "framecast.metrics.spectral_slope:SpectralSlopeError",
            "Slope of the power spectrum minus the truth's: below 0 is blurred, above 0 noisy.",
        ),
        "snr": Entry("framecast.metrics.snr:SignalToNoiseRatio", "Signal-to-noise ratio, mean of per-frame values."),
        "lpips": Entry(
            "framecast.metrics.lpips:LearnedPerceptualSimilarity", "Learned perceptual distance (LPIPS), AlexNet."
        ),
        "fvd": Entry(
            "framecast.metrics.fvd:FrechetVideoDistance",
            "Fréchet video distance (FVD) of I3D logits, forecast frames only.",
        ),
        "bce": Entry(
            "framecast.metrics.binary_cross_entropy:BinaryCrossEntropy",
            "Binary cross-entropy per pixel; read it beside its floor.",
        ),
        "bce_floor": Entry(
            "framecast.metrics.binary_cross_entropy:BinaryCrossEntropyFloor",
            "The targets' own entropy: the cross-entropy of a perfect forecast.",
        ),
        "bce_excess": Entry(
            "framecast.metrics.binary_cross_entropy:BinaryCrossEntropyExcess", "Binary cross-entropy above its floor."
        ),
        "accuracy": Entry(
            "framecast.metrics.binary_accuracy:BinaryAccuracy",
            "Keras's binary accuracy of pixels; read it beside its ceiling.",
        ),
        "accuracy_ceiling": Entry(
            "framecast.metrics.binary_accuracy:BinaryAccuracyCeiling",
            "The share of target pixels that are black or white: the highest binary accuracy there is.",
        ),
        "csi": Entry(
            "framecast.metrics.event_scores:CriticalSuccessIndex",
            "Critical success index (threat score): hits among all events observed or forecast.",
        ),
        "pod": Entry(
            "framecast.metrics.event_scores:ProbabilityOfDetection",
            "Probability of detection: the share of observed events that were forecast.",
        ),
        "far": Entry(
            "framecast.metrics.event_scores:FalseAlarmRatio",
            "False alarm ratio: the share of forecast events that did not come.",
        ),
        "success_ratio": Entry(
            "framecast.metrics.event_scores:SuccessRatio",
            "Success ratio: the share of forecast events that came, 1 - false alarm ratio.",
        ),
        "frequency_bias": Entry(
            "framecast.metrics.event_scores:FrequencyBias", "Frequency bias: events forecast for each one observed."
        ),
        "hss": Entry(
            "framecast.metrics.event_skill:HeidkeSkillScore",
            "Heidke skill score: correct pixels beyond those that chance gives.",
        ),
        "ets": Entry(
            "framecast.metrics.event_skill:EquitableThreatScore",
            "Equitable threat score (Gilbert skill score): the threat score beyond chance.",
        ),
        "hk": Entry(
            "framecast.metrics.event_skill:PeirceSkillScore",
            "Hanssen-Kuipers discriminant (Peirce skill score): detection minus false detection.",
        ),
        "pofd": Entry(
            "framecast.metrics.event_skill:ProbabilityOfFalseDetection",
            "Probability of false detection: the share of pixels without an event for which one was forecast.",
        ),
        "event_accuracy": Entry(
            "framecast.metrics.event_skill:EventAccuracy",
            "The share of pixels forecast rightly, with an event or without.",
        ),
        "f1": Entry(
            "framecast.metrics.event_skill:F1Score", "F1 score: the harmonic mean of detection and success ratio."
        ),
        "mcc": Entry(
            "framecast.metrics.event_skill:MatthewsCorrelation",
            "Matthews correlation coefficient of observed and forecast events.",
        ),
        "sedi": Entry(
            "framecast.metrics.event_skill:ExtremalDependence",
            "Symmetric extremal dependence index: skill that does not fade for rare events.",
        ),
        "fss": Entry(
            "framecast.metrics.fractions_skill:FractionsSkillScore",
            "Fractions skill score: events in squares of 16 pixels around each pixel.",
        ),
        "crps": Entry(
            "framecast.metrics.crps:ContinuousRankedProbabilityScore",
            "Continuous ranked probability score, fair; the absolute error of a single forecast.",
        ),
        "ensemble_rmse": Entry(
            "framecast.metrics.spread_skill:EnsembleSkill",
            "Root mean squared error of the mean of an ensemble's members.",
        ),
        "spread": Entry(
            "framecast.metrics.spread_skill:EnsembleSpread",
            "Spread of the members of an ensemble: root of their mean variance.",
        ),
        "spread_skill_ratio": Entry(
            "framecast.metrics.spread_skill:SpreadSkillRatio",
            "Spread over skill, corrected for the number of members: below 1 the ensemble is too sure of itself.",
        ),
        "rank_deviation": Entry(
            "framecast.metrics.rank_histogram:RankDeviation",
            "How far the rank histogram is from flat: sum of the deviations of its frequencies.",
        ),
        "brier": Entry(
            "framecast.metrics.event_probability:BrierScore",
            "Brier score: mean squared difference between the probability of an event and its outcome.",
        ),
        "reliability": Entry(
            "framecast.metrics.event_probability:Reliability",
            "Reliability term of the Brier score: squared distance of probabilities from frequencies.",
        ),
    },
)
