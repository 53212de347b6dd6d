"""Time to quality: squared error on Moving MNIST against seconds on the clock."""
