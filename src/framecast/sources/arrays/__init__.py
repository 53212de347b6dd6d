"""Arrays: npy, npz and HDF5, reading and writing."""
