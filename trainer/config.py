"""The settings of one training, read from a recipe: a TOML file whose opening comment says what to expect of it."""

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
"""The recipes that come with the trainer; each may be named without its path and suffix."""


@dataclass(frozen=True)
class Config:
    """Everything that decides what a training yields, beside its data.

    Attributes
    ----------
    network : str
        One of `trainer.networks.NETWORKS`.
    scaling : str
        How pixels become the network's numbers: ``"asinh"``, ``"minmax"`` or ``"display"``, see `trainer.scaling`.
        On colour images made for the eye, ``"asinh"`` becomes ``"display"``.
    augmentation : str
        One of `trainer.augment.POLICIES`; ``"none"`` switches it off.
    scheme : str
        Which labels to learn: ``"label"`` for the catalogue's own, or a scheme of `trainer.catalog.labels`.
    without : str
        ``"MODEL:CLASS"``: galaxies that another network of the survey takes for that class have no part in the
        training, nor in any score; "" for none.
    epochs, batch_size : int
    optimizer : str
        ``"adamw"`` or ``"sgd"`` (with Nesterov momentum).
    learning_rate : float
        The highest, reached at the end of the warm-up.
    warm_up : float
        Epochs during which the learning rate rises from zero, linearly.
    schedule : str
        What follows the warm-up: ``"cosine"`` (down to zero) or ``"constant"``.
    momentum : float
        Of ``"sgd"``.
    weight_decay : float
        Decoupled from the gradient; biases and normalisations are exempt.
    label_smoothing : float
        Share of each target spread evenly over all classes.
    loss : str
        What is made small: ``"cross_entropy"``, or ``"votes"``, the surprise at every single vote, for which the scheme
        is ``"tree"``; see `trainer.step`.
    class_balance : float
        How far rare classes count for more, see `trainer.step`: 0 not at all, 1 until all classes count alike.
    mixup : float
        How often and how far two galaxies are laid over each other, see `trainer.step`; 0 never.
    dropout : float
        Share of the pooled channels that each step forgets, in networks that pool.
    start : str
        A trained network whose weights are where this one begins, see `trainer.start`; "" for first weights by chance,
        and ``"imagenet"``, for the network ``"transfer"``, for what its backbone has learnt from photographs.
    keep : str
        Whose weights are kept at the end: those of the ``"best"`` epoch on the validation side, or the ``"last"``.
    patience : int
        Epochs without a better one after which a training ends early; 0 goes on to the end.
    calibrate : bool
        Make the network as sure as it is right on the validation side, see `trainer.calibration`.
    seed : int
        Of the split, the first weights, the order of galaxies, dropout and augmentation.
    split_seed : int
        Of the split alone; -1 for `seed`.
    validation_fraction, test_fraction : float
        Shares of the sky groups that are held out.
    train_fraction : float
        Share of the training side that is learnt from, for a learning curve.
    folds, fold : int
        With folds, the sky groups are dealt into so many, and number `fold`, from 0, is the test side.
    threads : int
        Of the processor. Another number of threads gives slightly other weights; 0 takes all there are.
    devices : str
        What computes, see `trainer.devices`: ``"one"`` device, ``"mirrored"`` for all of this machine, or ``"hosts"``
        for the machines that ``TF_CONFIG`` names.
    precision : str
        Of the network's body while it learns: ``"float32"``, ``"mixed_bfloat16"`` or ``"mixed_float16"``. What is kept
        is float32.
    tensorboard : bool
        Write logs for TensorBoard beside the model.
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
                "Together at most 0.9, so that galaxies remain to learn from",
            )
        if self.loss == "votes" and self.scheme != "tree":
            raise InputError(
                f'loss = "votes" was given with scheme = "{self.scheme}"',
                'scheme = "tree", whose classes every question of the decision tree divides',
            )
        if self.folds == 1 or self.fold >= max(self.folds, 1):
            raise InputError(
                f"folds = {self.folds} and fold = {self.fold} were given",
                "No folds, or at least two of them and a fold from 0 to one less than their number",
            )

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> Config:
        """Settings by name; those not given keep their defaults.

        Raises
        ------
        InputError
            A name is unknown, or a value is not what it should be.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise InputError(f"The setting {choices(unknown)} is unknown", f"Known are {choices(known, most=99)}")
        return cls(**settings)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def read_config(recipe: str | Path, **changes: Any) -> Config:
    """A recipe of the trainer by name, or a TOML file by path, with some settings changed.

    Parameters
    ----------
    recipe : str or Path
        ``"demo"``, or ``"my/settings.toml"``.
    **changes
        Settings that replace the recipe's.

    Raises
    ------
    InputError
        There is no such recipe, it is not TOML, or it holds what no `Config` can be.
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
        raise InputError(f"{name} = {value!r} was given", f"It is of the kind {kind.__name__}")


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name} = {value!r} was given", f"It may be {choices(allowed)}")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{name} = {value!r} was given", f"It lies between {low:g} and {high:g}")
