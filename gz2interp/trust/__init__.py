"""How far a network, and what explains it, can be believed: one question, one file.

The questions take arrays and a probe and give a number for each galaxy; `gz2interp.trust.verdict` says what the numbers
are held against, and `gz2interp.trust.verdict` what a person may conclude.
"""
