"""Video files: reading, seeking, writing."""
