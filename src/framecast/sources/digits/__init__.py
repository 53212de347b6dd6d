"""Bouncing digits: the generators, and the published Moving MNIST file."""
