"""Feature images: images made to excite a channel, a neuron, a direction or a score, in the light of a survey.

Nothing is imported here: `gz2interp.features.image_prior` needs no TensorFlow, and `gz2interp.features.visualise`
loads it.
"""
