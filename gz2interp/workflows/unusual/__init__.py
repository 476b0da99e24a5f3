"""``gz2interp unusual``: how unusual each galaxy is, and why; kept inside the analysis.

Nothing is imported here: what was found (`found`) is read without a network, and who rates should not wait for one.
"""
