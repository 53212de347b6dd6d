"""Networks trained elsewhere, through whose features some metrics and losses look, and where their weights are."""
