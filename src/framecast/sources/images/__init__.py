"""Image files and TIFF stacks: reading and writing."""
