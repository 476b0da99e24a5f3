"""Feature images: images that maximise a channel, a neuron, a direction or a score, under a survey's image prior.

Nothing is imported here: `gz2interp.features.image_prior` needs no TensorFlow, and `gz2interp.features.visualise`
loads it.
"""
