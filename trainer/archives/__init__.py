"""Other people's machines: asked politely, within limits, and believed only after a look."""
