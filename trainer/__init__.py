"""From catalogues to cutouts to a trained network: `python -m trainer`."""
