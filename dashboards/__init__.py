"""The dashboard of gz2interp: its screens load results, draw figures of them, and show both."""
