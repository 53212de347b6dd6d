"""Data sets of people in action: KTH and UCF-101."""
