"""What is compared: our recipe, the same without one of its steps, with fewer galaxies, and plain trainings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One way to train.

    Attributes
    ----------
    words : str
    start, fine : mapping
        Changes to the recipes ``rough_labels`` and ``few_labels``.
    from_scratch : bool
        Leave the first of the two trainings out.
    letters : bool
        Learn the good labels as letters, and not as shares of votes.
    plain : str
        A recipe that is trained once, on both files with E and S; "" for the two trainings.
    """

    words: str
    start: Mapping[str, Any] = field(default_factory=dict)
    fine: Mapping[str, Any] = field(default_factory=dict)
    from_scratch: bool = False
    letters: bool = False
    plain: str = ""


ROWS = {
    "ours": Row("rough labels first, then the question itself"),
    "resnet": Row("a plain ResNet on both files at once", plain="resnet"),
    "original": Row("the original project's network on both files at once", plain="original"),
    "cnn_plain": Row("our network, trained as the plain ResNet is", plain="cnn_plain"),
    "from_scratch": Row("no rough labels", from_scratch=True),
    "letters": Row("the letter of a good label, not its votes", letters=True),
    "narrow": Row("zoom by a quarter only", {"augmentation": "standard"}, {"augmentation": "standard"}),
    "seeing": Row("blurred besides", {"augmentation": "seeing"}, {"augmentation": "seeing"}),
    "no_mixup": Row("no mixup", {"mixup": 0.0}, {"mixup": 0.0}),
    "no_augmentation": Row("no augmentation", {"augmentation": "none"}, {"augmentation": "none"}),
    "no_balance": Row("rough classes as frequent as they are", {"class_balance": 0.0}),
    "hard_start": Row("no label smoothing of the rough labels", {"label_smoothing": 0.0}),
    "short_start": Row("8 epochs of rough labels instead of 32", {"epochs": 8}),
    "no_dropout": Row("no dropout", {}, {"dropout": 0.0}),
    "d4": Row("the network that is symmetric by construction", {"network": "d4", "epochs": 8}, {"network": "d4"}),
    "eighth": Row("an eighth of the good labels", {}, {"train_fraction": 0.125}),
    "quarter": Row("a quarter of the good labels", {}, {"train_fraction": 0.25}),
    "half": Row("half of the good labels", {}, {"train_fraction": 0.5}),
}

PLAIN = {
    "resnet": ("resnet", {}),
    "original": ("original", {"epochs": 9, "calibrate": False, "scheme": "label"}),
    "cnn_plain": ("resnet", {"network": "cnn"}),
}
"""Recipe and changes of the plain trainings."""
