"""The table of sources. A new reader or data set is one file beside this one, and one line here.

Readers of files come first, in the order in which they are asked whether they recognise a path.
"""

from framecast.frames.table import Entry, Table

READERS: tuple[str, ...] = ("store", "radar", "fields", "grib", "hdf5", "video", "array", "images")
"""The entries that read a path; all others are generators or data sets known by name."""

SOURCES = Table(
    "source",
    {
        "store": Entry(
            "framecast.sources.store.source:StoreSource",
            "A store that 'framecast prepare' wrote: recordings decoded once, read at the speed of the disk.",
        ),
        "video": Entry(
            "framecast.sources.video.source:VideoSource",
            "A video file (mp4, avi, mov, mkv, webm, gif), or a folder of them: one sequence a file.",
        ),
        "radar": Entry(
            "framecast.sources.radar.source:RadarSource",
            "A folder of weather radar composites (HDF5 of KNMI or ODIM), in order of time, in mm/h or dBZ.",
        ),
        "fields": Entry(
            "framecast.sources.fields.source:FieldsSource",
            "A netCDF file or Zarr store, or a folder of them: variables on a grid, in order of time.",
        ),
        "grib": Entry(
            "framecast.sources.fields.grib:GribSource",
            "A GRIB file of a weather service, or a folder of them, in order of time.",
        ),
        "hdf5": Entry(
            "framecast.sources.arrays.hdf5:Hdf5Source",
            "An HDF5 file with one array of frames (SEVIR among them), or a folder of such files.",
        ),
        "array": Entry(
            "framecast.sources.arrays.source:ArraySource",
            "A .npy or .npz array, or a folder of them, in the usual layouts (guessed, shown, settable).",
        ),
        "images": Entry(
            "framecast.sources.images.source:ImageSource",
            "A folder of images (png, jpg, tiff, bmp, webp, pgm) as one sequence; a TIFF stack of a microscope.",
        ),
        "moving-digits": Entry(
            "framecast.sources.digits.moving_digits:MovingDigitsSource",
            "Bouncing digits drawn from fonts; nothing to download.",
        ),
        "moving-mnist": Entry(
            "framecast.sources.digits.moving_mnist:MovingMnistSource",
            "Bouncing MNIST digits by the published protocol, from the IDX files.",
        ),
        "moving-mnist-file": Entry(
            "framecast.sources.digits.moving_mnist_file:MovingMnistFileSource",
            "The 10,000 published Moving MNIST test sequences (mnist_test_seq.npy, 819 MB).",
        ),
        "moving-fashion-mnist": Entry(
            "framecast.sources.digits.moving_fashion_mnist:MovingFashionMnistSource",
            "Bouncing pieces of clothing (Fashion-MNIST) by the protocol of Moving MNIST.",
        ),
        "kth": Entry(
            "framecast.sources.actions.kth:KthSource",
            "KTH Actions from a folder of yours: official frame ranges, splits by person, grey.",
        ),
        "ucf101": Entry(
            "framecast.sources.actions.ucf101:Ucf101Source",
            "UCF-101 from a folder of yours: official splits 1 to 3, groups never divided.",
        ),
        "random": Entry(
            "framecast.sources.random_frames:RandomSource", "Uniform random frames: a stand-in to test a pipeline."
        ),
    },
)
