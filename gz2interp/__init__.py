"""Interpretability of galaxy-morphology networks.

>>> import gz2interp as gz
>>> study = gz.open_study("demo")  # doctest: +SKIP
>>> explanation = gz.explain(study, ["588015507658768484"])  # doctest: +SKIP

The public names are loaded when they are first used: importing gz2interp does not import TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Survey": "gz2interp.stores.survey",
    "check_survey": "gz2interp.stores.checking",
    "Galaxy": "gz2interp.results",
    "Cutout": "gz2interp.results",
    "Provenance": "gz2interp.results",
    "Probe": "gz2interp.network.probe",
    "Score": "gz2interp.network.scores",
    "logit": "gz2interp.network.scores",
    "probability": "gz2interp.network.scores",
    "channel": "gz2interp.network.layer_scores",
    "direction": "gz2interp.network.layer_scores",
    "similarity": "gz2interp.network.layer_scores",
    "score_from": "gz2interp.workflows.score_text",
    "Activations": "gz2interp.results",
    "Attribution": "gz2interp.results",
    "BandAttribution": "gz2interp.results",
    "gradient": "gz2interp.attribution",
    "gradient_x_input": "gz2interp.attribution",
    "smooth_grad": "gz2interp.attribution",
    "var_grad": "gz2interp.attribution",
    "integrated_gradients": "gz2interp.attribution",
    "expected_gradients": "gz2interp.attribution",
    "guided_backprop": "gz2interp.attribution",
    "grad_cam": "gz2interp.attribution",
    "grad_cam_plus_plus": "gz2interp.attribution",
    "hires_cam": "gz2interp.attribution",
    "layer_cam": "gz2interp.attribution",
    "score_cam": "gz2interp.attribution",
    "faster_score_cam": "gz2interp.attribution",
    "occlusion": "gz2interp.attribution",
    "occlusion_by_band": "gz2interp.attribution",
    "rise": "gz2interp.attribution",
    "symmetry_averaged": "gz2interp.attribution",
    "band_shapley": "gz2interp.attribution",
    "FeatureImages": "gz2interp.results",
    "ImagePrior": "gz2interp.features.image_prior",
    "image_prior": "gz2interp.features.image_prior",
    "visualise": "gz2interp.features.visualise",
    "Transformations": "gz2interp.features.transformations",
    "neuron": "gz2interp.features.objectives",
    "cosine_direction": "gz2interp.features.objectives",
    "deep_dream": "gz2interp.features.objectives",
    "caricature": "gz2interp.features.objectives",
    "inversion": "gz2interp.features.objectives",
    "interpolation": "gz2interp.features.objectives",
    "diversity": "gz2interp.features.forms",
    "Neighbours": "gz2interp.results",
    "nearest_neighbours": "gz2interp.embedding.index",
    "Embedding": "gz2interp.results",
    "project": "gz2interp.embedding.projection",
    "map_quality": "gz2interp.embedding.quality",
    "Placer": "gz2interp.embedding.placing",
    "open_study": "gz2interp.workflows.study",
    "NeighbourLookup": "gz2interp.workflows.neighbours",
    "NeighbourSettings": "gz2interp.workflows.neighbours",
    "neighbours_of": "gz2interp.workflows.neighbours",
    "neighbours_of_image": "gz2interp.workflows.neighbours",
    "predict": "gz2interp.workflows.predict",
    "analyse": "gz2interp.workflows.analyse",
    "AnalyseSettings": "gz2interp.workflows.analysis_steps",
    "feature_images": "gz2interp.workflows.feature_images",
    "feature_sheet": "gz2interp.workflows.make_feature_sheet",
    "galaxy_grid": "gz2interp.workflows.feature_figures",
    "grid_drawing": "gz2interp.workflows.feature_figures",
    "sheet_drawing": "gz2interp.workflows.feature_figures",
    "SheetSettings": "gz2interp.workflows.feature_sheet",
    "load_features": "gz2interp.workflows.feature_sheet",
    "agreement": "gz2interp.workflows.feature_agreement",
    "load_agreements": "gz2interp.workflows.feature_agreement",
    "clusters": "gz2interp.workflows.clusters",
    "blocks": "gz2interp.workflows.building_blocks",
    "BlockSettings": "gz2interp.workflows.building_blocks",
    "load_blocks": "gz2interp.workflows.building_blocks",
    "load_groups": "gz2interp.workflows.building_blocks",
    "load_atlas": "gz2interp.workflows.building_blocks",
    "blocks_of_galaxy": "gz2interp.workflows.galaxy_blocks",
    "blocks_of_image": "gz2interp.workflows.galaxy_blocks",
    "attribution_between": "gz2interp.workflows.galaxy_blocks",
    "dictionary_drawing": "gz2interp.workflows.building_block_figures",
    "groups_drawing": "gz2interp.workflows.building_block_figures",
    "tops_drawing": "gz2interp.workflows.building_block_figures",
    "atlas_drawing": "gz2interp.workflows.building_block_figures",
    "quality": "gz2interp.workflows.image_quality",
    "unusual": "gz2interp.workflows.unusual",
    "artefacts_of": "gz2interp.workflows.unusual_results",
    "rate": "gz2interp.workflows.rating",
    "ranking_of": "gz2interp.workflows.rating",
    "place_images": "gz2interp.workflows.place",
    "place_survey": "gz2interp.workflows.place",
    "compare": "gz2interp.workflows.compare",
    "compare_all": "gz2interp.workflows.compare",
    "Representation": "gz2interp.workflows.compare",
    "import_latents": "gz2interp.workflows.import_results",
    "import_model": "gz2interp.workflows.import_results",
    "models_table": "gz2interp.workflows.models",
    "rename_model": "gz2interp.workflows.models",
    "remove_model": "gz2interp.workflows.models",
    "layers_table": "gz2interp.workflows.models",
    "explain": "gz2interp.workflows.explain",
    "draw_figure": "gz2interp.workflows.figures",
    "draw_each": "gz2interp.workflows.figures",
    "write_drawing": "gz2interp.workflows.figure_parts",
    "FigureSettings": "gz2interp.workflows.figure_parts",
    "FigureStyle": "gz2interp.figures.style",
    "FigureSize": "gz2interp.figures.style",
    "band_table": "gz2interp.workflows.bands",
    "check": "gz2interp.workflows.trust_check",
    "CheckSettings": "gz2interp.workflows.trust_check",
    "measure_bars": "gz2interp.workflows.bars",
    "BarSettings": "gz2interp.workflows.bars",
    "card": "gz2interp.workflows.card",
    "write_card": "gz2interp.workflows.card",
    "GalaxyFilter": "gz2interp.workflows.selection",
    "choose": "gz2interp.workflows.selection",
    "SelectedGalaxies": "gz2interp.workflows.selection",
    "export_selection": "gz2interp.workflows.export",
    "send": "gz2interp.workflows.samp",
}

_RENAMED = {
    "BarQuestion": "BarSettings",
    "Light": "ImagePrior",
    "Manner": "FigureStyle",
    "Nearby": "NeighbourLookup",
    "NearbyWish": "NeighbourSettings",
    "Page": "FigureSize",
    "Side": "Representation",
    "Subset": "SelectedGalaxies",
    "Wanted": "GalaxyFilter",
    "Wish": "FigureSettings",
    "between": "attribution_between",
    "kept_agreements": "load_agreements",
    "kept_atlas": "load_atlas",
    "kept_blocks": "load_blocks",
    "kept_features": "load_features",
    "kept_groups": "load_groups",
    "lay_latents": "import_latents",
    "lay_model": "import_model",
    "light_of": "image_prior",
    "open_subject": "open_study",
}
"""Names of version 0.1 and what they are called now."""

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        raise AttributeError(f"gz2interp.{name} is called gz2interp.{_RENAMED[name]} since version 0.2")
    if name not in _HOMES:
        raise AttributeError(f"module 'gz2interp' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
