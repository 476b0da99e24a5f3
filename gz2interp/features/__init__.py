"""Feature images: images made to excite a channel, a neuron, a direction or a score, in the light of a survey.

Nothing is imported here: `gz2interp.features.light` is known without TensorFlow, and `gz2interp.features.visualise`
loads it.
"""
