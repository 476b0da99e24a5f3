"""A layer's complete sheet: a feature image of each channel, group, cell of the atlas and class, kept and judged.

Nothing is imported here: what was kept can be read, and drawn, without TensorFlow.
"""
