"""Faults planted on purpose, to see whether a check finds them: shortcuts in the pixels, labels that mean nothing."""
