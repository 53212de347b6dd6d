"""The table of writers, by the ending of the output. A new format is one function in a file beside this one, and one
line here."""

from framecast.frames.table import Entry, Table

FOLDER = "folder"
"""The entry for an output without an ending."""

PICTURES = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".gif", ".png", FOLDER})
"""The endings of formats that show measured values as shades of grey, and do not keep them."""

WRITERS = Table(
    "output ending",
    {
        ".mp4": Entry("framecast.sources.video.writing:write_h264", "H.264 video; plays everywhere."),
        ".mov": Entry("framecast.sources.video.writing:write_h264", "H.264 video in a QuickTime file."),
        ".mkv": Entry("framecast.sources.video.writing:write_ffv1", "FFV1 video; 8 and 16 bits are kept exactly."),
        ".avi": Entry("framecast.sources.video.writing:write_mpeg4", "MPEG-4 video, for old programs."),
        ".webm": Entry("framecast.sources.video.writing:write_vp9", "VP9 video; plays in browsers."),
        ".gif": Entry("framecast.sources.video.gif_writing:write_gif", "Animation in 256 colours chosen for the clip."),
        ".png": Entry("framecast.sources.images.writing:write_png", "One picture, for a single frame."),
        ".tif": Entry("framecast.sources.images.tiff_writing:write_tiff", "A stack for ImageJ, in the native type."),
        ".tiff": Entry("framecast.sources.images.tiff_writing:write_tiff", "The same as .tif."),
        ".ome.tif": Entry("framecast.sources.images.tiff_writing:write_ome_tiff", "OME-TIFF, in the native type."),
        ".ome.tiff": Entry("framecast.sources.images.tiff_writing:write_ome_tiff", "The same as .ome.tif."),
        ".npy": Entry("framecast.sources.arrays.writing:write_npy", "(T, H, W[, C]) array in the native type."),
        ".npz": Entry("framecast.sources.arrays.writing:write_npz", "The same array, compressed, named 'frames'."),
        ".nc": Entry(
            "framecast.sources.fields.writing:write_netcdf", "netCDF-4 by CF: times, units, grid, exact values."
        ),
        ".zarr": Entry("framecast.sources.fields.writing:write_zarr", "The same as .nc, as a Zarr store (a folder)."),
        FOLDER: Entry("framecast.sources.images.writing:write_png_folder", "A folder of frame_0001.png and so on."),
    },
)
