"""What tests of explainers need: networks whose answers are known by hand, and contracts to inherit.

Nothing is imported here: `gz2interp.testing.fakes` and `gz2interp.testing.contracts` are known without TensorFlow, and
`gz2interp.testing.networks` loads it.
"""
