"""Settings of a training, read from a recipe: a TOML file whose first comment describes the expected result."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gz2interp.errors import InputError, choices
from gz2interp.stores.reading import MOST_TEXT, reading

__all__ = ["RECIPES", "Config", "read_config"]

RECIPES = Path(__file__).parent / "configs"
"""Folder of the recipes of the trainer, which may be given without path and suffix."""


@dataclass(frozen=True)
class Config:
    """Settings that, with the data, determine the result of a training.

    Attributes
    ----------
    network : str
        One of `trainer.networks.NETWORKS`.
    scaling : str
        Scaling of pixels: ``"asinh"``, ``"minmax"`` or ``"display"``, see `trainer.scaling`. For display images (JPEG,
        PNG), ``"asinh"`` becomes ``"display"``.
    augmentation : str
        One of `trainer.augment.POLICIES`, or ``"none"``.
    scheme : str
        Labels: ``"label"`` for those of the catalogue, or a scheme of `trainer.catalog.labels`.
    without : str
        ``"MODEL:CLASS"``: exclude galaxies predicted as that class by another network of the survey from training and
        evaluation; "" for none.
    optimizer : str
        ``"adamw"`` or ``"sgd"`` (with Nesterov momentum).
    learning_rate : float
        Peak learning rate, at the end of the warm-up.
    warm_up : float
        Epochs of linear increase of the learning rate from zero.
    schedule : str
        After the warm-up: ``"cosine"`` (decay to zero) or ``"constant"``.
    momentum : float
        For ``"sgd"``.
    weight_decay : float
        Decoupled; biases and normalisations are exempt.
    label_smoothing : float
        Fraction of each target distributed evenly over all classes.
    loss : str
        ``"cross_entropy"``, or ``"votes"``, the likelihood of the individual votes, which needs the scheme ``"tree"``;
        see `trainer.step`.
    class_balance : float
        Exponent of the class weights, see `trainer.step`: 0 for none, 1 for balanced classes.
    mixup : float
        Parameter alpha of mixup, see `trainer.step`; 0 for none.
    dropout : float
        Dropout rate of the pooled channels, in networks with pooling.
    start : str
        Trained network from which weights are transferred, see `trainer.start`; "" for random weights, ``"imagenet"``
        for the pretrained backbone of the network ``"transfer"``.
    keep : str
        Weights to keep: those of the epoch with the ``"best"`` validation loss, or of the ``"last"`` one.
    patience : int
        Epochs without improvement after which the training stops early; 0 for never.
    calibrate : bool
        Calibrate the probabilities on the validation sample, see `trainer.calibration`.
    seed : int
        Seed of the split, the initial weights, the order of galaxies, dropout and augmentation.
    split_seed : int
        Seed of the split alone; -1 for `seed`.
    validation_fraction, test_fraction : float
        Fractions of the sky groups held out.
    train_fraction : float
        Fraction of the training sample to use, for learning curves.
    folds, fold : int
        Number of folds of the sky groups, and the one used as the test sample, from 0.
    threads : int
        Processor threads; 0 for all. The number of threads changes the weights slightly.
    devices : str
        See `trainer.devices`: ``"one"`` device, ``"mirrored"`` for all of this machine, or ``"hosts"`` for the machines
        in ``TF_CONFIG``.
    precision : str
        Of the body of the network in training: ``"float32"``, ``"mixed_bfloat16"`` or ``"mixed_float16"``. The saved
        network is float32.
    tensorboard : bool
        Write logs for TensorBoard.
    """

    network: str = "cnn"
    scaling: str = "asinh"
    augmentation: str = "standard"
    scheme: str = "label"
    without: str = ""
    epochs: int = 40
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    warm_up: float = 1.0
    schedule: str = "cosine"
    momentum: float = 0.9
    weight_decay: float = 1e-3
    label_smoothing: float = 0.0
    loss: str = "cross_entropy"
    class_balance: float = 0.0
    mixup: float = 0.0
    dropout: float = 0.0
    start: str = ""
    keep: str = "best"
    patience: int = 0
    calibrate: bool = True
    seed: int = 1
    split_seed: int = -1
    validation_fraction: float = 0.1
    test_fraction: float = 0.2
    train_fraction: float = 1.0
    folds: int = 0
    fold: int = 0
    threads: int = 0
    devices: str = "one"
    precision: str = "float32"
    tensorboard: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_kind(field.name, getattr(self, field.name), type(field.default))
        for name, allowed in _CHOICES.items():
            _check_choice(name, getattr(self, name), allowed)
        for name, (low, high) in _RANGES.items():
            _check_range(name, getattr(self, name), low, high)
        if self.validation_fraction + self.test_fraction > 0.9:
            raise InputError(
                f"validation_fraction {self.validation_fraction} and test_fraction {self.test_fraction} were given",
                "Together at most 0.9, so that galaxies remain for training",
            )
        if self.loss == "votes" and self.scheme != "tree":
            raise InputError(
                f'loss = "votes" was given with scheme = "{self.scheme}"',
                'scheme = "tree", whose classes correspond to the decision tree',
            )
        if self.folds == 1 or self.fold >= max(self.folds, 1):
            raise InputError(
                f"folds = {self.folds} and fold = {self.fold} were given",
                "No folds, or at least two and a fold from 0 to their number less one",
            )

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> Config:
        """Create settings from a mapping; missing ones have their defaults.

        Raises
        ------
        InputError
            A name is unknown, or a value is invalid.
        """
        names = [field.name for field in fields(cls)]
        unknown = [name for name in settings if name not in names]
        if unknown:
            raise InputError(f"The setting {choices(unknown)} is unknown", f"One of {choices(names, most=99)}")
        return cls(**settings)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def read_config(recipe: str | Path, **changes: Any) -> Config:
    """Read a recipe of the trainer by name, or a TOML file by path, and change some settings.

    Parameters
    ----------
    recipe : str or Path
        ``"demo"``, or ``"my/settings.toml"``.
    **changes
        Settings that replace the recipe's.

    Raises
    ------
    InputError
        There is no such recipe, it is not TOML, or a setting is invalid.
    """
    path = _recipe_path(recipe)
    with reading(path, expected="TOML: lines such as epochs = 40", remedy="Mend it", most=MOST_TEXT):
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    return Config.from_mapping(settings | changes)


def _recipe_path(recipe: str | Path) -> Path:
    path = Path(recipe).expanduser()
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise InputError(f"There is no file {path}", remedy=_named_recipes())
    named = RECIPES / f"{recipe}.toml"
    if not named.is_file():
        raise InputError(f"There is no recipe {str(recipe)!r}", _named_recipes(), "Or give the path of a .toml file")
    return named


def _named_recipes() -> str:
    return f"The trainer's own recipes are {choices(sorted(path.stem for path in RECIPES.glob('*.toml')))}"


_CHOICES = {
    "scaling": ("asinh", "minmax", "display"),
    "optimizer": ("adamw", "sgd"),
    "schedule": ("cosine", "constant"),
    "keep": ("best", "last"),
    "loss": ("cross_entropy", "votes"),
    "devices": ("one", "mirrored", "hosts"),
    "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
}
_RANGES = {
    "epochs": (1, 100_000),
    "batch_size": (2, 65_536),
    "learning_rate": (1e-9, 100.0),
    "warm_up": (0.0, 100_000.0),
    "momentum": (0.0, 0.9999),
    "weight_decay": (0.0, 10.0),
    "label_smoothing": (0.0, 0.5),
    "class_balance": (0.0, 1.0),
    "mixup": (0.0, 10.0),
    "dropout": (0.0, 0.9),
    "patience": (0, 100_000),
    "seed": (0, 2**31 - 1),
    "split_seed": (-1, 2**31 - 1),
    "validation_fraction": (0.01, 0.8),
    "test_fraction": (0.0, 0.8),
    "train_fraction": (0.001, 1.0),
    "folds": (0, 100),
    "fold": (0, 99),
    "threads": (0, 1024),
}


def _check_kind(name: str, value: object, kind: type) -> None:
    accepted: tuple[type, ...] = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{name} = {value!r} was given", f"A value of type {kind.__name__}")


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name} = {value!r} was given", f"It may be {choices(allowed)}")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{name} = {value!r} was given", f"It lies between {low:g} and {high:g}")
