"""Everything the dashboard reads, and the only package that keeps anything in Streamlit's caches.

Each cache is keyed by what the files say of themselves (digests, times of writing), never by a name alone: a survey
that grows or a model that is trained anew is another key, so that no result is shown as another one's. `surveys` opens
folders, `tables` says what is known of galaxies, `ground` holds the map, `pictures` the thumbnails, and `attributions`
alone imports TensorFlow, when the first map of where a network looked is asked for.
"""
