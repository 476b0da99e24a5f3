"""Feature images: images that maximise a channel, a neuron, a direction or a score, under the prior of a survey's images.

Nothing is imported here: `gz2interp.features.image_prior` needs no TensorFlow, and `gz2interp.features.visualise`
loads it.
"""
