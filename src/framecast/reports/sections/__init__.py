"""Sections of the report: a file for each, from saved results to what the template shows."""
