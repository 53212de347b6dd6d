"""Fields on a grid through time: netCDF, Zarr and GRIB, reading and writing."""
