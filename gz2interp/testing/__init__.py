"""Helpers for tests of attribution methods: networks with attributions known analytically, and contracts to inherit.

Nothing is imported here: `gz2interp.testing.fakes` and `gz2interp.testing.contracts` do without TensorFlow, and
`gz2interp.testing.networks` loads it.
"""
