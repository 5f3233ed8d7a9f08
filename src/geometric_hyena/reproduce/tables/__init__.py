"""The papers' tables, a file each."""
