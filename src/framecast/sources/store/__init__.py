"""Prepared stores: their index, their parts, and the reader."""
