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
    },
)
