"""Published tables: YAML files that hold what the literature prints, and how far it can be trusted.

A new table is one file here; its first line describes it.
"""
