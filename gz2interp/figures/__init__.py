"""Finished results in, a figure out: matplotlib for papers, plotly and arrays for screens."""
