"""Layouts of figures for papers: finished results in, a figure out; one layout a file."""
