"""The dashboard of a survey and its networks: ``streamlit run dashboards/explore.py``."""

from __future__ import annotations

import sys
from pathlib import Path

# `streamlit run` puts only this file's folder on the path; a checkout that is not installed needs the one above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import streamlit as st
from streamlit import runtime

HERE = Path(__file__).resolve().parent


def main() -> None:
    """The list of pages, and the title."""
    st.set_page_config(page_title="gz2interp", page_icon=str(HERE / "icon.svg"), layout="wide")
    pages = [
        st.Page("screens/galaxies.py", title="Galaxies", default=True),
        st.Page("screens/clusters.py", title="Clusters", url_path="clusters"),
        st.Page("screens/unusual.py", title="Unusual", url_path="unusual"),
        st.Page("screens/compare.py", title="Compare", url_path="compare"),
        st.Page("screens/features.py", title="Features", url_path="features"),
        st.Page("screens/network.py", title="Network", url_path="network"),
        st.Page("screens/trust.py", title="Trust", url_path="trust"),
        st.Page("screens/download.py", title="Download", url_path="download"),
    ]
    page = st.navigation(pages, position="top")
    st.html(HERE / "parts" / "style.css")
    opening = st.empty()
    if "selection" not in st.session_state:  # a first visit: the imports of a page take seconds
        opening.html('<div class="gz2-opening" role="status">Opening the survey …</div>')
    from dashboards.serving import wait_for_imports

    wait_for_imports()
    from dashboards.parts.page import show_page

    show_page(page, opening)


if runtime.exists():
    main()
else:  # `streamlit run` finds this application and starts it, so that every request passes the gatekeeper
    from starlette.middleware import Middleware

    from dashboards.serving import Gatekeeper, lifespan

    app = st.App(__file__, middleware=[Middleware(Gatekeeper)], lifespan=lifespan)
