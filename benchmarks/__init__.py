"""Measurements of speed and memory against other people's ways of writing the same model; not part of the package."""
