"""Weather radar composites, and the units of rain."""
