"""The table of conventions. A new convention is one file beside this one, and one line here."""

from framecast.frames.table import Entry, Table

CONVENTIONS = Table(
    "convention",
    {
        "strict": Entry(
            "framecast.metrics.conventions.strict:STRICT",
            "framecast's own: clipped to [0, 1], means per pixel, PSNR per frame and pooled, SSIM as in its paper.",
        ),
        "physical": Entry(
            "framecast.metrics.conventions.physical:PHYSICAL",
            "Errors in the recording's own units (mm/h, K, dBZ), of forecasts as they would be written to a file.",
        ),
        "openstl": Entry(
            "framecast.metrics.conventions.openstl:OPENSTL",
            "OpenSTL's table: MSE and MAE summed over a frame, unclipped; SSIM with a uniform 7x7 window and L = 2.",
        ),
        "simvp-legacy": Entry(
            "framecast.metrics.conventions.simvp_legacy:SIMVP_LEGACY",
            "SimVP, SwinLSTM, VMRNN, OpenSTL before June 2023: as openstl, but PSNR in 8-bit arithmetic that wraps.",
        ),
        "predrnn": Entry(
            "framecast.metrics.conventions.predrnn:PREDRNN",
            "predrnn-pytorch: clipped, MSE summed over a frame, PSNR and SSIM of 8-bit frames, L = 255.",
        ),
        "mau": Entry(
            "framecast.metrics.conventions.mau:MAU",
            "MAU: clipped, MSE and MAE summed over a frame; SSIM with a uniform 7x7 window and L = 2; LPIPS times 100.",
        ),
        "earthformer": Entry(
            "framecast.metrics.conventions.earthformer:EARTHFORMER",
            "Earthformer on Moving MNIST: unclipped, errors times H x W, SSIM with the range of each clip as L.",
        ),
        "tf": Entry(
            "framecast.metrics.conventions.tf:TF",
            "TensorFlow and Keras: tf.image.psnr and tf.image.ssim, max_val = 1, unclipped; Keras's BCE and accuracy.",
        ),
        "perceptual": Entry(
            "framecast.metrics.conventions.perceptual:PERCEPTUAL",
            "How forecasts look to networks: LPIPS of AlexNet and VGG16, Fréchet video distance. Needs weights.",
        ),
        "sevir": Entry(
            "framecast.metrics.conventions.sevir:SEVIR",
            "SEVIR and Earthformer: events of VIL at or above 16 to 219, counts over everything, ε = 1e-4.",
        ),
        "pysteps": Entry(
            "framecast.metrics.conventions.pysteps:PYSTEPS",
            "pysteps: events above a threshold, pixels without a value are no event; FSS of 4 and 16 pixels.",
        ),
        "diffcast": Entry(
            "framecast.metrics.conventions.diffcast:DIFFCAST",
            "DiffCast: events at or above thresholds, means over leads and thresholds, undefined scores count as 0.",
        ),
        "ensemble": Entry(
            "framecast.metrics.conventions.ensemble:ENSEMBLE",
            "Ensembles: fair CRPS, spread and skill, ranks; with thresholds, Brier score and reliability.",
        ),
    },
)
