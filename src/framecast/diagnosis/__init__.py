"""The doctor's checks: what ruins results silently."""
