"""Look at a survey with its network: ``streamlit run dashboards/explore.py``."""

from __future__ import annotations

import sys
from pathlib import Path

# `streamlit run` puts only this file's folder on the path; a checkout that is not installed needs the one above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import streamlit as st


def main() -> None:
    """The list of pages, and the title."""
    st.set_page_config(page_title="gz2interp", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide")
    pages = [
        st.Page("screens/galaxies.py", title="Galaxies", url_path="galaxies", default=True),
        st.Page("screens/clusters.py", title="Clusters", url_path="clusters"),
        st.Page("screens/unusual.py", title="Unusual", url_path="unusual"),
        st.Page("screens/compare.py", title="Compare", url_path="compare"),
        st.Page("screens/features.py", title="Features", url_path="features"),
        st.Page("screens/network.py", title="Network", url_path="network"),
        st.Page("screens/trust.py", title="Trust", url_path="trust"),
        st.Page("screens/download.py", title="Download", url_path="download"),
    ]
    st.navigation(pages, position="hidden" if len(pages) == 1 else "top").run()


main()
