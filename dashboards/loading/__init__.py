"""Everything that the dashboard reads, and the only package that uses Streamlit's caches.

Results are cached by the digests and writing times of the files behind them, never by a name alone: a survey that grows
or a model that is trained again has another key, so that no result is shown as that of other data.
"""
