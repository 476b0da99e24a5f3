"""The pieces that the layouts of figures for papers are put together from: one kind of thing a file."""
