"""Data sets, their downloads, and the graphs they are turned into."""
