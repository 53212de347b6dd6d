"""Networks that tell forecasts from the truth, for adversarial training. A file each."""
