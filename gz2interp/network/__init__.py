"""The one door to a network.

Nothing is imported here: `gz2interp.network.scores` and `gz2interp.network.answers` are known without TensorFlow, and
`gz2interp.network.probe` loads it.
"""
