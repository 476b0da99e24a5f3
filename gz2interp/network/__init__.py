"""Access to a network: scores, activations and gradients.

Nothing is imported here: `gz2interp.network.scores`, `gz2interp.network.answers` and `gz2interp.network.model_probe` do
without TensorFlow, and `gz2interp.network.probe` loads it.
"""
