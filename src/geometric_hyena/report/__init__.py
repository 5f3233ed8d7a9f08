"""Reports of training runs as single HTML files that need nothing else: plots, tables and a 3D view."""
