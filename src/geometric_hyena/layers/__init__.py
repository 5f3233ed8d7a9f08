"""The papers' ideas as layers, one a file."""
