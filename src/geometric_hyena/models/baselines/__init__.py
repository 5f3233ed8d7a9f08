"""Models that Geometric Hyena is compared with, one file each."""
