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
        "tf": Entry(
            "framecast.metrics.conventions.tf:TF",
            "TensorFlow and Keras: tf.image.psnr and tf.image.ssim, max_val = 1, unclipped; Keras's BCE and accuracy.",
        ),
    },
)
