"""The papers' tables and figures: sweeps of trainings by name, run once each, into a table and a figure."""
