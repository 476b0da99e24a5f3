"""How far an attribution method can be believed: what each file asks of it, and of the network.

The questions take arrays and a probe and give a number for each galaxy; `gz2interp.trust.limits` says what the numbers
are held against, and `gz2interp.trust.verdict` what a person may conclude.
"""
