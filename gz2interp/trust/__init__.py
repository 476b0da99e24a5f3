"""Tests of attribution maps and of networks.

The tests take arrays and a probe and return a number for each galaxy; `gz2interp.trust.verdict` has the limits of these
numbers and the conclusions.
"""
