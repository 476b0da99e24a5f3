"""Faults planted on purpose, to see whether a check finds them: shortcuts in the pixels, and labels that mean nothing."""
