"""Positions of each layer's cells in the image, propagated through the operations of a network.

A network is traced once and the positions are propagated through every TensorFlow operation, so that nesting, wrapping
and subclassing make no difference. Along each axis a cell is described by the mean position of the pixels that it is
computed from, with equal kernel weights and without padding. This is the centroid of the cell's gradient, and lies
inside the image; near the edge it lies further inside than the middle of the kernel.

Where branches with different positions meet (the shortcut of a residual block), they are averaged in proportion to the
gradient that passes through each, which is measured. Inputs that affect all cells equally, such as the gate of a
squeeze-and-excitation block or the statistics of a normalisation, have no position and are left out.

References
----------
Araujo, Norris & Sim 2019, Computing receptive fields of convolutional neural networks,
https://doi.org/10.23915/distill.00021
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.cells import MEASURED, CellGeometry, tiled
from gz2interp.network.hooks import TRACING
from gz2interp.network.layers import trace_layers
from gz2interp.network.quiet import tf

__all__ = ["layer_geometries", "measure_cells"]

Doubles = NDArray[np.float64]
Tensor = Any
Operation = Any
Model = Any

TOLERANCE: Final = 0.05
"""Pixels by which the middle cells of branches may differ and still count as aligned."""


BATCH: Final = 24
"""Branches whose share is measured in one backward pass, each with one image of the batch."""

MOST: Final = 64
"""Operations with misaligned branches that are measured; beyond them branches, or concatenated channels, are equal."""

SUMS: Final = frozenset(("Add", "AddV2", "AddN"))


def layer_geometries(model: Model, shape: tuple[int, int, int]) -> dict[str, CellGeometry]:
    """The geometry of every layer with rows and columns of cells, by the layer's full name.

    Layers without them, or whose positions cannot be propagated, are missing.

    Parameters
    ----------
    shape : (int, int, int)
        Of the images, (y, x, band).
    """
    with TRACING:
        trace = Trace()
        layers = trace_layers(model, (BATCH, *shape), trace.masses_to_measure)
    dimensions = trace.follow(trace.shares(_measure_masses(layers.function, shape)))
    by_layer = {use.name: _geometry(dimensions.of(tensor), shape) for use, tensor in layers}
    return {name: geometry for name, geometry in by_layer.items() if geometry is not None}


def measure_cells(
    gradient: Callable[[int, int], NDArray[np.float32]], plane: tuple[int, int], image: tuple[int, int]
) -> CellGeometry:
    """The geometry of a layer by measurement: a straight line through the centroids of gradients of its cells.

    Parameters
    ----------
    gradient : callable
        Of a cell (y, x) with respect to the pixels, float32 (y, x), nowhere negative.
    plane : (int, int)
        Cells (y, x).
    image : (int, int)
        Pixels (y, x).
    """
    sides = sorted({tuple(int(side * share) for side in plane) for share in SHARES})
    points = []
    for y, x in sides:
        try:
            mass = np.asarray(gradient(y, x), np.float64)
        except LookupError:  # an operation without a gradient in TensorFlow
            return tiled(plane, image)
        if not np.isfinite(mass).all() or mass.sum() <= 0:
            return tiled(plane, image)
        points.append([float(np.average(np.arange(image[k]), weights=mass.sum(axis=1 - k))) for k in (0, 1)])
    axes = [_line([at[k] for at in sides], [point[k] for point in points], plane[k], image[k]) for k in (0, 1)]
    if any(len(axis) > 1 and axis[0] >= axis[-1] for axis in axes):
        return tiled(plane, image)
    return CellGeometry(axes[0], axes[1], (float("nan"), float("nan")), image, MEASURED)


SHARES: Final = (0.3, 0.4, 0.5, 0.6, 0.7)
"""Positions of the measured cells, as shares of the plane's sides."""


def _line(cells: Sequence[int], pixels: Sequence[float], count: int, side: int) -> tuple[float, ...]:
    if len(set(cells)) < 2:
        slope, start = side / count, pixels[0] - cells[0] * side / count
    else:
        slope, start = np.polyfit(cells, pixels, 1)
    return tuple(float(at) for at in np.clip(start + slope * np.arange(count), 0, side - 1))


class Trace:
    """A graph whose positions are propagated while it is traced, and again when the branches' shares are measured."""

    def __init__(self) -> None:
        self._graph: Any = None
        self._starts: list[tuple[Tensor, Dims]] = []
        self._groups: list[list[Operation]] = []

    def masses_to_measure(self, images: Tensor, answer: Tensor) -> tuple[Tensor, ...]:
        """For each group of operations with misaligned branches, a tensor float32 (BATCH,)."""
        self._graph, self._starts = answer.graph, [(images, image_dims(images.shape))]
        operations = [op for op in self.follow({}).misaligned if op.outputs[0].shape.rank == 4]
        operations = [op for op in operations if op.graph is self._graph][:MOST]
        self._groups = _group_operations([op for op in operations if len(_branches(op)) <= BATCH])
        return tuple(_masses(group, images, number) for number, group in enumerate(self._groups))

    def shares(self, masses: Sequence[Sequence[float]]) -> dict[str, list[float]]:
        """Name of an operation -> the share of each branch, from the values of `masses_to_measure`."""
        shares = {}
        for group, values in zip(self._groups, masses, strict=True):
            left = list(values)
            for operation in group:
                count = len(_branches(operation))
                shares[operation.name], left = left[:count], left[count:]
        return shares

    def follow(self, shares: Mapping[str, Sequence[float]]) -> TracedGeometry:
        """Propagate positions with these shares."""
        return follow(self._graph, self._starts, shares)


def _branches(operation: Operation) -> list[Tensor]:
    return [tensor for tensor in operation.inputs if tensor.dtype.is_floating]


def _group_operations(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Groups of successive operations with together at most `BATCH` branches."""
    groups: list[list[Operation]] = []
    left = 0
    for operation in operations:
        rows = len(_branches(operation))
        if rows > left:
            groups.append([])
            left = BATCH
        groups[-1].append(operation)
        left -= rows
    return groups


def _masses(operations: Sequence[Operation], images: Tensor, seed: int) -> Tensor:
    """The mean absolute gradient of a middle cell at the image through each branch, float32 (BATCH,).

    One backward pass serves all branches: images of a batch are independent, so each branch has one image.
    """
    rng = np.random.default_rng(seed)
    ends, slopes = [], []
    row = 0
    for operation in operations:
        branches = _branches(operation)
        for branch, slope in zip(branches, _slopes(operation, _middle_cell(operation, rng)), strict=True):
            if slope is not None:
                ends.append(branch)
                slopes.append(slope * tf.reshape(tf.one_hot(row, BATCH, dtype=slope.dtype), (BATCH, 1, 1, 1)))
            row += 1
    try:
        gradient = tf.gradients(ends, images, grad_ys=slopes)[0]
    except LookupError:  # an operation without a gradient in TensorFlow: the branches count alike
        return tf.ones(BATCH)
    return tf.zeros(BATCH) if gradient is None else tf.reduce_mean(tf.abs(gradient), axis=(1, 2, 3))


def _middle_cell(operation: Operation, rng: np.random.Generator) -> Tensor:
    """Weights of the channels at the middle cell of an operation's output, zero elsewhere, (BATCH, y, x, channel).

    Weights differ, since a plain sum of normalised channels does not depend on the image at all.
    """
    out = operation.outputs[0]
    _, height, width, channels = out.shape
    weights = rng.uniform(0.0, 2.0, size=(1, 1, 1, channels))
    sides = [(side // 2, side - 1 - side // 2) for side in (height, width)]
    return tf.tile(tf.pad(tf.constant(weights, out.dtype), [(0, 0), *sides, (0, 0)]), (BATCH, 1, 1, 1))


def _slopes(operation: Operation, cell: Tensor) -> Sequence[Tensor | None]:
    """The gradient of a cell with respect to each branch."""
    branches = _branches(operation)
    if operation.type in SUMS and all(branch.shape == cell.shape for branch in branches):
        return [cell] * len(branches)
    if operation.type == "ConcatV2" and len({tuple(branch.shape[:3]) for branch in branches}) == 1:
        return list(tf.split(cell, [branch.shape[3] for branch in branches], axis=3))
    return list(tf.gradients(operation.outputs[0], branches, grad_ys=cell, stop_gradients=branches))


def _measure_masses(measure: Callable[[Tensor], Sequence[Tensor]], shape: Sequence[int]) -> list[list[float]]:
    noise = np.abs(np.random.default_rng(0).normal(size=(BATCH, *shape))).astype(np.float32)
    return [masses.numpy().tolist() for masses in measure(tf.constant(noise))]


def _geometry(dims: Dims | None, shape: Sequence[int]) -> CellGeometry | None:
    axes = axes_of(dims)
    if axes is None:
        return None
    rows, columns = axes
    high, wide = (float((axis.high - axis.low)[len(axis) // 2] + 1) for axis in axes)
    y, x = (tuple(float(at) for at in axis.centre) for axis in (rows, columns))
    return CellGeometry(y, x, (high, wide), (shape[0], shape[1]))


class UnclearGeometry(Exception):
    """The positions of cells cannot be propagated through an operation."""


@dataclass(frozen=True, eq=False)
class Axis:
    """Rows (or columns) of cells.

    Attributes
    ----------
    name : str
        ``"y"`` or ``"x"`` of the image.
    mass : float64 (n,)
        Share of a cell's receptive field that is no padding, with equal weights.
    centre : float64 (n,)
        Mean position of the pixels in that share [pixel].
    low, high : float64 (n,)
        First and last pixel of the receptive field, padding included.
    step : float
        From one cell to the next, padding included [pixel].
    block : int
        More than 1 between TensorFlow's two halves of a dilated convolution (`SpaceToBatchND`): the tensor then has
        every `block`-th of these cells.
    """

    name: str
    mass: Doubles
    centre: Doubles
    low: Doubles
    high: Doubles
    step: float = 1.0
    block: int = 1

    def __len__(self) -> int:
        return len(self.centre)

    def padded(self, before: int, after: int) -> Axis:
        """With cells of padding added, or cells taken away where a number is negative."""
        inside = slice(max(-before, 0), len(self) - max(-after, 0))
        first, last = -np.arange(max(before, 0), 0, -1), np.arange(1, max(after, 0) + 1)

        def grown(values: Doubles) -> Doubles:
            part = values[inside]
            return np.concatenate([part[0] + first * self.step, part, part[-1] + last * self.step])

        mass = np.pad(self.mass[inside], (max(before, 0), max(after, 0)))
        return replace(self, mass=mass, centre=grown(self.centre), low=grown(self.low), high=grown(self.high))

    def windowed(self, kernel: int, stride: int, dilation: int) -> Axis:
        """Cells computed from windows of these cells."""
        if self.block > 1 and stride > 1:
            raise UnclearGeometry
        dilation *= self.block
        count = (len(self) - (kernel - 1) * dilation - 1) // stride + 1
        if count < 1:
            raise UnclearGeometry
        at = np.arange(count)[:, None] * stride + np.arange(kernel) * dilation
        return replace(
            self,
            mass=self.mass[at].mean(axis=1),
            centre=_mean(self.centre[at], self.mass[at]),
            low=self.low[at].min(axis=1),
            high=self.high[at].max(axis=1),
            step=self.step * stride,
        )

    def taken(self, at: Sequence[int] | NDArray[np.int64], step: float) -> Axis:
        """Some of the cells, with a step `step` times as wide."""
        at = np.asarray(at, np.int64)
        mass, centre, low, high = (values[at] for values in (self.mass, self.centre, self.low, self.high))
        return replace(self, mass=mass, centre=centre, low=low, high=high, step=self.step * step)

    def blended(self, low: NDArray[np.int64], high: NDArray[np.int64], share: Doubles, step: float) -> Axis:
        """Cells between two cells each, `share` of the way."""
        parts = np.stack([self.mass[low] * (1 - share), self.mass[high] * share], axis=1)
        return replace(
            self,
            mass=parts.sum(axis=1),
            centre=_mean(np.stack([self.centre[low], self.centre[high]], axis=1), parts),
            low=np.minimum(self.low[low], self.low[high]),
            high=np.maximum(self.high[low], self.high[high]),
            step=self.step * step,
        )

    def transposed(self, count: int, kernel: int, stride: int, dilation: int, before: int) -> Axis:
        """Cells of a transposed convolution: cell i adds to the outputs i stride + t dilation - before."""
        mass, moment = np.zeros(count), np.zeros(count)
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        for t in range(kernel):
            to = np.arange(len(self)) * stride + t * dilation - before
            inside = (to >= 0) & (to < count)
            at = to[inside]
            mass[at] += self.mass[inside]
            moment[at] += self.mass[inside] * self.centre[inside]
            low[at] = np.minimum(low[at], self.low[inside])
            high[at] = np.maximum(high[at], self.high[inside])
        hit, places = mass > 0, np.arange(count)
        if not hit.any():
            raise UnclearGeometry
        centre = np.interp(places, places[hit], moment[hit] / mass[hit])  # cells that no input contributes to
        low, high = np.where(hit, low, centre), np.where(hit, high, centre)
        return replace(self, mass=mass, centre=centre, low=low, high=high, step=self.step / stride)


def _mean(values: Doubles, weights: Doubles) -> Doubles:
    """Along the last axis; without weights where they are all zero."""
    total = weights.sum(axis=-1)
    weighted = (values * weights).sum(axis=-1)
    return np.asarray(np.divide(weighted, total, out=values.mean(axis=-1), where=total > 0))


@dataclass(frozen=True, eq=False)
class Factor:
    """One of the lengths whose product is a tensor's dimension; `axis` where it runs over the image.

    `inner` marks the second part of an axis that a reshape has cut in two: it must not be joined again.
    """

    length: int
    axis: Axis | None = None
    inner: bool = False


Dims = tuple[tuple[Factor, ...], ...]
"""Of a tensor, for each dimension the factors of its length."""


@dataclass(frozen=True, eq=False)
class TracedGeometry:
    """Dimensions of the tensors of a graph.

    Attributes
    ----------
    dims : dict
        Tensor's name -> its dimensions; None where they could not be propagated.
    misaligned : list of operations
        Operations whose branches have different positions.
    """

    dims: dict[str, Dims | None]
    misaligned: list[Operation]

    def of(self, tensor: Tensor) -> Dims | None:
        """The dimensions of a tensor that depends on the image; None where they could not be propagated."""
        return self.dims.get(tensor.name)


def image_dims(shape: Sequence[int]) -> Dims:
    """Of a batch of images (n, y, x, band)."""
    batch, height, width, bands = shape
    y, x = (
        Axis(name, np.ones(side), *(np.arange(side, dtype=float),) * 3) for name, side in (("y", height), ("x", width))
    )
    return _plain(batch), (Factor(height, y),), (Factor(width, x),), _plain(bands)


def axes_of(dims: Dims | None) -> tuple[Axis, Axis] | None:
    """Rows and columns of a tensor (n, y, x, channel); None where it has none, or turned ones."""
    if dims is None or len(dims) != 4:
        return None
    try:
        rows, columns = (_single(dim) for dim in dims[1:3])
    except UnclearGeometry:
        return None
    if rows is None or columns is None or (rows.name, columns.name) != ("y", "x"):
        return None
    return rows, columns


def follow(graph: Any, starts: Sequence[tuple[Tensor, Dims]], shares: Mapping[str, Sequence[float]]) -> TracedGeometry:
    """Propagate the dimensions of images through all operations of a graph.

    Parameters
    ----------
    graph : tf.Graph
        With static shapes.
    starts : sequence of (tensor, dims)
        The inputs of the graph.
    shares : mapping
        Name of an operation where branches meet -> the share of each input that depends on the image. Branches without
        shares count alike, or by their number of channels in a concatenation.
    """
    followed = TracedGeometry({tensor.name: dims for tensor, dims in starts}, [])
    walker = _OperationRules(followed, shares)
    for operation in graph.get_operations():
        inputs = [k for k, tensor in enumerate(operation.inputs) if tensor.name in followed.dims]
        if not inputs or operation.type in WITHOUT_GRADIENT:
            continue
        try:
            if any(followed.dims[operation.inputs[k].name] is None for k in inputs):
                raise UnclearGeometry
            outputs = walker.outputs(operation, inputs)
        except (UnclearGeometry, ValueError, IndexError, KeyError, TypeError):
            outputs = [None] * len(operation.outputs)
        for tensor, dims in zip(operation.outputs, outputs, strict=False):
            if tensor.dtype.is_floating:
                followed.dims[tensor.name] = dims
    return followed


WITHOUT_GRADIENT: Final = frozenset(
    """
    Shape ShapeN Size Rank ZerosLike OnesLike StopGradient ArgMax ArgMin Sign Round Floor Ceil Rint
    """.split()  # noqa: SIM905
)

ELEMENTWISE: Final = frozenset(
    """
    Identity Snapshot PreventGradient CheckNumerics EnsureShape Cast Relu Relu6 LeakyRelu Elu Selu Sigmoid Tanh
    Softplus Softsign Exp Expm1 Log Log1p Sqrt Rsqrt Square Neg Abs Erf Erfc Inv Reciprocal Sin Cos Tan Asin
    Acos Atan Sinh Cosh Asinh Acosh Atanh Softmax LogSoftmax LRN FakeQuantWithMinMaxVars FakeQuantWithMinMaxArgs
    Add AddV2 AddN Sub Mul MulNoNan RealDiv Div DivNoNan Xdivy Xlogy Maximum Minimum SquaredDifference Pow Atan2
    FloorDiv FloorMod Mod Select SelectV2 ClipByValue BiasAdd BiasAddV1 AdjustContrastv2 AdjustHue
    AdjustSaturation RGBToHSV HSVToRGB
    """.split()  # noqa: SIM905
)

REDUCTIONS: Final = frozenset(("Mean", "Sum", "Max", "Min", "Prod", "EuclideanNorm"))
CALLS: Final = frozenset(("PartitionedCall", "StatefulPartitionedCall"))


class _OperationRules:
    """The dimensions of each operation's outputs from those of its inputs."""

    def __init__(self, followed: TracedGeometry, shares: Mapping[str, Sequence[float]]) -> None:
        self.followed, self.shares = followed, shares

    def outputs(self, operation: Operation, inputs: Sequence[int]) -> list[Dims | None]:
        """Dimensions of each output; `inputs` are the positions of those that depend on the image."""
        kind = operation.type
        first = self._of(operation, inputs[0])
        if kind in ELEMENTWISE:
            return [self._joined(operation, inputs, _broadcast)]
        if kind == "ConcatV2":
            return [self._joined(operation, inputs, _concatenated)]
        if kind == "IdentityN":
            return [self.followed.of(tensor) for tensor in operation.inputs]
        if kind.startswith("FusedBatchNorm"):
            return [first] + [None] * (len(operation.outputs) - 1)
        if kind in CALLS:
            return self._called(operation, inputs)
        if kind in REDUCTIONS:
            return [_reduced(operation, first)]
        if kind in SINGLE and inputs[0] == SINGLE[kind][1]:
            return [SINGLE[kind][0](operation, first)]
        if kind in PRODUCTS and len(inputs) == 1:
            return [PRODUCTS[kind](operation, first, inputs[0])]
        raise UnclearGeometry

    def _of(self, operation: Operation, number: int) -> Dims:
        dims = self.followed.of(operation.inputs[number])
        assert dims is not None, "inputs without dimensions have been excluded"
        return dims

    def _joined(self, operation: Operation, inputs: Sequence[int], prepare: Callable[[Operation, Dims], Dims]) -> Dims:
        """Branches that meet, averaged."""
        branches = [prepare(operation, self._of(operation, number)) for number in inputs]
        shares = self._shares_of(operation, inputs)
        dims = []
        for sides in zip(*branches, strict=True):
            longest = max(sides, key=lambda side: (_length(side), _placed(side)))
            if not _placed(longest):
                dims.append(longest)
                continue
            whole = [(side, share) for side, share in zip(sides, shares, strict=True) if _alike(side, longest)]
            factors = [self._met(operation, [(side[k], share) for side, share in whole]) for k in range(len(longest))]
            dims.append(tuple(factors))
        return tuple(dims)

    def _shares_of(self, operation: Operation, inputs: Sequence[int]) -> list[float]:
        measured = self.shares.get(operation.name)
        if measured is None:
            return [_channels(operation, number) for number in inputs]
        numbers = [k for k, tensor in enumerate(operation.inputs) if tensor.dtype.is_floating]  # as `_branches`
        return [measured[numbers.index(k)] for k in inputs]

    def _met(self, operation: Operation, factors: Sequence[tuple[Factor, float]]) -> Factor:
        placed = [(factor.axis, share) for factor, share in factors if factor.axis is not None]
        if not placed:
            return factors[0][0]
        axes, shares = [axis for axis, _ in placed], np.array([max(share, 0.0) for _, share in placed])
        if len({(axis.name, axis.block) for axis in axes}) > 1:
            raise UnclearGeometry
        count = len(axes[0])
        middle = slice(count // 4, count - count // 4)
        spread = np.ptp([axis.centre[middle] for axis in axes], axis=0).max()
        if spread > TOLERANCE and operation not in self.followed.misaligned:
            self.followed.misaligned.append(operation)
        shares = shares if np.isfinite(shares).all() and shares.sum() > 0 else np.ones(len(axes))
        weights = np.stack([axis.mass * share for axis, share in zip(axes, shares, strict=True)], axis=1)
        mass = weights.sum(axis=1) / shares.sum()
        centre = _mean(np.stack([axis.centre for axis in axes], axis=1), weights)
        low, high = np.min([axis.low for axis in axes], axis=0), np.max([axis.high for axis in axes], axis=0)
        return replace(factors[0][0], axis=replace(axes[0], mass=mass, centre=centre, low=low, high=high))

    def _called(self, operation: Operation, inputs: Sequence[int]) -> list[Dims | None]:
        """The dimensions of the outputs of a function inside the graph."""
        inner = operation.graph._get_function(operation.get_attr("f").name).graph
        starts = [(inner.inputs[number], self._of(operation, number)) for number in inputs]
        followed = follow(inner, starts, self.shares)
        return [followed.of(tensor) for tensor in inner.outputs]


def _plain(length: int) -> tuple[Factor, ...]:
    return (Factor(length),)


def _length(dim: Sequence[Factor]) -> int:
    return prod(factor.length for factor in dim)


def _placed(dim: Sequence[Factor]) -> bool:
    return any(factor.axis is not None for factor in dim)


def _alike(dim: Sequence[Factor], other: Sequence[Factor]) -> bool:
    """Whether two dimensions have the same factors; one of length 1 is broadcast and has no position."""
    if [factor.length for factor in dim] == [factor.length for factor in other]:
        return True
    if _length(dim) == 1:
        return False
    raise UnclearGeometry


def _single(dim: Sequence[Factor]) -> Axis | None:
    """The one axis that a dimension runs over, None for a dimension without."""
    long = [factor for factor in dim if factor.length > 1] or list(dim[:1])
    axes = [factor for factor in long if factor.axis is not None]
    if not axes:
        return None
    axis, (first, *rest) = axes[0].axis, long
    if len(axes) > 1 or first.axis is None or any(factor.inner for factor in rest) or axis is None:
        raise UnclearGeometry
    times = prod(factor.length for factor in rest)  # each cell several times: enlarged by repetition
    return axis if times == 1 else axis.taken(np.arange(len(axis) * times) // times, 1 / times)


def _along(dim: Sequence[Factor], change: Callable[[Axis], Axis], length: int) -> tuple[Factor, ...]:
    axis = _single(dim)
    if axis is None:
        return _plain(length)
    changed = change(axis)
    if len(changed) != length * changed.block:
        raise UnclearGeometry
    return (Factor(length, changed),)


def _out(operation: Operation, number: int = 0) -> list[int]:
    return [int(side) for side in operation.outputs[number].shape]


def _static(tensor: Tensor) -> Any:
    value = tf.get_static_value(tensor)
    if value is None:
        raise UnclearGeometry
    return np.asarray(value)


def _broadcast(operation: Operation, dims: Dims) -> Dims:
    missing = len(operation.outputs[0].shape) - len(dims)
    return (*[_plain(1)] * missing, *dims)


def _concatenated(operation: Operation, dims: Dims) -> Dims:
    at, out = int(_static(operation.inputs[-1])) % len(dims), _out(operation)
    if _placed(dims[at]):
        raise UnclearGeometry  # joined side by side in the image
    return tuple(_plain(out[k]) if k == at else dim for k, dim in enumerate(dims))


def _channels(operation: Operation, number: int) -> float:
    """Weight of an input whose share is not measured: its number of channels in a concatenation, else 1."""
    if operation.type != "ConcatV2":
        return 1.0
    return float(operation.inputs[number].shape[int(_static(operation.inputs[-1]))])


def _reduced(operation: Operation, dims: Dims) -> Dims:
    gone = {int(k) % len(dims) for k in np.ravel(_static(operation.inputs[1]))}
    if operation.get_attr("keep_dims"):
        return tuple(_plain(1) if k in gone else dim for k, dim in enumerate(dims))
    return tuple(dim for k, dim in enumerate(dims) if k not in gone)


def _window(
    operation: Operation, dims: Dims, kernel: Sequence[int], dilations: Sequence[int], pools: bool = False
) -> Dims:
    """Convolution, or pooling that ignores padding, (n, y, x, channel)."""
    _channels_last(operation)
    strides, out = operation.get_attr("strides"), _out(operation)
    padding, explicit = operation.get_attr("padding").decode(), _explicit(operation)

    def change(k: int) -> Callable[[Axis], Axis]:
        size, stride, dilation = int(kernel[k - 1]), strides[k], dilations[k]

        def changed(axis: Axis) -> Axis:
            sides = _paddings(padding, len(axis), size, stride, dilation, explicit[2 * k : 2 * k + 2])
            cells = axis.padded(*sides).windowed(size, stride, dilation)
            return cells if not pools else replace(cells, mass=cells.mass / _occupied(axis, sides, size, stride))

        return changed

    return dims[0], *(_along(dims[k], change(k), out[k]) for k in (1, 2)), _plain(out[3])


def _convolved(operation: Operation, dims: Dims) -> Dims:
    return _window(operation, dims, operation.inputs[1].shape[:2], operation.get_attr("dilations"))


def _pooled(operation: Operation, dims: Dims) -> Dims:
    return _window(operation, dims, operation.get_attr("ksize")[1:3], (1, 1, 1, 1), pools=True)


def _occupied(axis: Axis, sides: tuple[int, int], size: int, stride: int) -> Doubles:
    """Share of each pooling window that is no padding."""
    whole = replace(axis, mass=np.ones(len(axis))).padded(*sides).windowed(size, stride, 1)
    return np.maximum(whole.mass, 1 / size)


def _channels_last(operation: Operation) -> None:
    if operation.get_attr("data_format") != b"NHWC":
        raise UnclearGeometry


def _explicit(operation: Operation) -> list[int]:
    try:
        return list(operation.get_attr("explicit_paddings")) or [0] * 8
    except ValueError:
        return [0] * 8


def _paddings(
    padding: str, length: int, kernel: int, stride: int, dilation: int, explicit: Sequence[int]
) -> tuple[int, int]:
    """Cells added before and after; TensorFlow's "same" adds the odd one after."""
    if padding == "SAME":
        total = max((-(-length // stride) - 1) * stride + (kernel - 1) * dilation + 1 - length, 0)
        return total // 2, total - total // 2
    return (int(explicit[0]), int(explicit[1])) if padding == "EXPLICIT" else (0, 0)


def _convolved_back(operation: Operation, dims: Dims) -> Dims:
    """Transposed convolution."""
    _channels_last(operation)
    strides, dilations, out = operation.get_attr("strides"), operation.get_attr("dilations"), _out(operation)
    kernel, padding = operation.inputs[1].shape[:2], operation.get_attr("padding").decode()
    explicit = _explicit(operation)

    def change(k: int) -> Callable[[Axis], Axis]:
        size, stride, dilation = int(kernel[k - 1]), strides[k], dilations[k]
        before, _ = _paddings(padding, out[k], size, stride, dilation, explicit[2 * k : 2 * k + 2])
        return lambda axis: axis.transposed(out[k], size, stride, dilation, before)

    return dims[0], *(_along(dims[k], change(k), out[k]) for k in (1, 2)), _plain(out[3])


def _padded(operation: Operation, dims: Dims) -> Dims:
    sides, out = _static(operation.inputs[1]), _out(operation)
    return tuple(
        dim if out[k] == _length(dim) and not sides[k].any() else _along(dim, _pad_by(*sides[k].tolist()), out[k])
        for k, dim in enumerate(dims)
    )


def _pad_by(before: int, after: int) -> Callable[[Axis], Axis]:
    return lambda axis: axis.padded(before, after)


def _mirrored(operation: Operation, dims: Dims) -> Dims:
    symmetric = int(operation.get_attr("mode") == b"SYMMETRIC")
    sides, out = _static(operation.inputs[1]).tolist(), _out(operation)

    def change(before: int, after: int) -> Callable[[Axis], Axis]:
        def changed(axis: Axis) -> Axis:
            last = len(axis) - 1
            at = np.abs(np.arange(-before, last + 1 + after) + 0.5 * symmetric) - 0.5 * symmetric
            beyond = np.maximum(at - last - 0.5 * symmetric, 0)
            return axis.taken((at - 2 * beyond).round().astype(np.int64), 1)

        return changed

    return tuple(_along(dim, change(*pad), side) for dim, pad, side in zip(dims, sides, out, strict=True))


def _sliced(operation: Operation, dims: Dims) -> Dims:
    """`StridedSlice`."""
    masks = {
        name: int(operation.get_attr(f"{name}_mask"))
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    begins, ends, strides = (_static(tensor).tolist() for tensor in operation.inputs[1:4])
    if masks["new_axis"]:
        raise UnclearGeometry
    index: list[Any] = []
    for k, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        if masks["ellipsis"] >> k & 1:
            index += [slice(None)] * (len(dims) - len(begins) + 1)
        elif masks["shrink_axis"] >> k & 1:
            index.append(begin)
        else:
            first, last = (None if masks[name] >> k & 1 else at for name, at in (("begin", begin), ("end", end)))
            index.append(slice(first, last, stride))
    index += [slice(None)] * (len(dims) - len(index))
    return _indexed(dims, index)


def _cut(operation: Operation, dims: Dims) -> Dims:
    """`Slice`."""
    begins, sizes = _static(operation.inputs[1]).tolist(), _static(operation.inputs[2]).tolist()
    return _indexed(
        dims, [slice(first, None if size < 0 else first + size) for first, size in zip(begins, sizes, strict=True)]
    )


def _indexed(dims: Dims, index: Sequence[Any]) -> Dims:
    indexed = []
    for dim, part in zip(dims, index, strict=True):
        if part == slice(None) or (isinstance(part, slice) and part.indices(_length(dim)) == (0, _length(dim), 1)):
            indexed.append(dim)
            continue
        if not isinstance(part, slice):
            continue
        at = np.arange(_length(dim))[part]
        indexed.append(_along(dim, _take(at, part.step or 1), len(at)))
    return tuple(indexed)


def _take(at: NDArray[np.int64], step: int) -> Callable[[Axis], Axis]:
    return lambda axis: axis.taken(at, step)


def _resized(operation: Operation, dims: Dims) -> Dims:
    """Enlarged or reduced by interpolation."""
    out = _out(operation)
    half = operation.type == "ScaleAndTranslate" or bool(operation.get_attr("half_pixel_centers"))
    corners = operation.type != "ScaleAndTranslate" and bool(operation.get_attr("align_corners"))
    nearest = operation.type == "ResizeNearestNeighbor"

    def change(count: int) -> Callable[[Axis], Axis]:
        def changed(axis: Axis) -> Axis:
            k, size = np.arange(count, dtype=float), len(axis)
            scale = (size - 1) / max(count - 1, 1) if corners else size / count
            at = (k + 0.5) * scale - 0.5 if half and not corners else k * scale
            if nearest:
                at = np.round(at) if corners else np.floor((k + 0.5) * scale if half else k * scale)
            at = np.clip(at, 0, size - 1)
            low = np.floor(at).astype(np.int64)
            return axis.blended(low, np.minimum(low + 1, size - 1), at - low, scale)

        return changed

    return dims[0], *(_along(dims[k], change(out[k]), out[k]) for k in (1, 2)), dims[3]


def _turned(operation: Operation, dims: Dims) -> Dims:
    """`Transpose`."""
    return tuple(dims[k] for k in _static(operation.inputs[1]).tolist())


def _tiled(operation: Operation, dims: Dims) -> Dims:
    out = _out(operation)
    if any(out[k] != _length(dim) and _placed(dim) for k, dim in enumerate(dims)):
        raise UnclearGeometry
    return tuple(dim if out[k] == _length(dim) else _plain(out[k]) for k, dim in enumerate(dims))


def _reshaped(operation: Operation, dims: Dims) -> Dims:
    """`Reshape`, `Squeeze` and `ExpandDims`: the same factors, regrouped."""
    factors = [factor for dim in dims for factor in dim if factor.length > 1 or factor.axis is not None]
    reshaped = []
    for length in _out(operation):
        group: list[Factor] = []
        left = length
        while left > 1:
            factor = factors.pop(0)
            if left % factor.length == 0:
                group.append(factor)
                left //= factor.length
            elif factor.length % left == 0:
                outer, inner = _halved(factor, left)
                factors.insert(0, inner)
                group.append(outer)
                left = 1
            else:
                raise UnclearGeometry
        while length > 1 and factors and factors[0].length == 1 and not group:
            group.append(factors.pop(0))
        reshaped.append(tuple(group) or _plain(1))
    return tuple(reshaped)


def _halved(factor: Factor, outer: int) -> tuple[Factor, Factor]:
    """Split a factor in two: of an axis, blocks of cells and the position inside a block."""
    inner = factor.length // outer
    if factor.axis is None:
        return Factor(outer, inner=factor.inner), Factor(inner, inner=factor.inner)
    return Factor(outer, factor.axis.windowed(inner, inner, 1)), Factor(inner, inner=True)


def _to_batch(operation: Operation, dims: Dims) -> Dims:
    """`SpaceToBatchND`, the first half of a dilated convolution, and `BatchToSpaceND`, the second."""
    blocks, sides, out = _static(operation.inputs[1]).tolist(), _static(operation.inputs[2]).tolist(), _out(operation)
    first = operation.type == "SpaceToBatchND"

    def change(block: int, before: int, after: int) -> Callable[[Axis], Axis]:
        if first:
            return lambda axis: replace(axis.padded(before, after), block=axis.block * block)
        return lambda axis: replace(axis, block=axis.block // block).padded(-before, -after)

    changed = [
        _along(dim, change(block, *pad), out[k])
        for k, (dim, block, pad) in enumerate(zip(dims[1:], blocks, sides, strict=False), start=1)
    ]
    return _plain(out[0]), *changed, *dims[1 + len(changed) :]


def _to_depth(operation: Operation, dims: Dims) -> Dims:
    """`SpaceToDepth` and `DepthToSpace`."""
    _channels_last(operation)
    block, out = int(operation.get_attr("block_size")), _out(operation)

    def change(axis: Axis) -> Axis:
        if operation.type == "SpaceToDepth":
            return axis.windowed(block, block, 1)
        return axis.taken(np.arange(len(axis) * block) // block, 1 / block)

    return dims[0], *(_along(dims[k], change, out[k]) for k in (1, 2)), _plain(out[3])


def _multiplied(operation: Operation, dims: Dims, number: int) -> Dims:
    """A matrix product with weights: the last dimension (or, of the second operand, the one before) is summed over."""
    names = ("transpose_a", "transpose_b") if operation.type == "MatMul" else ("adj_x", "adj_y")
    summed = (len(dims) - 1 if number == 0 else len(dims) - 2) - (operation.get_attr(names[number]) * (1, -1)[number])
    if _placed(dims[summed]):
        return tuple(_plain(side) for side in _out(operation)) if len(dims) == 2 and number == 0 else _unclear()
    rest = [dim for k, dim in enumerate(dims) if k != summed]
    out = _out(operation)
    return (*rest, _plain(out[-1])) if number == 0 else (*rest[:-1], _plain(out[-2]), rest[-1])


def _unclear() -> Dims:
    raise UnclearGeometry


def _summed(operation: Operation, dims: Dims, number: int) -> Dims:
    """`Einsum` with weights."""
    operands, result = operation.get_attr("equation").decode().replace(" ", "").split("->")
    named = operands.split(",")[number]
    if "." in operands:
        raise UnclearGeometry
    by_letter = dict(zip(named, dims, strict=True))
    return tuple(by_letter.get(letter, _plain(side)) for letter, side in zip(result, _out(operation), strict=True))


SINGLE: Final[Mapping[str, tuple[Callable[[Operation, Dims], Dims], int]]] = {
    "Conv2D": (_convolved, 0),
    "DepthwiseConv2dNative": (_convolved, 0),
    "MaxPool": (_pooled, 0),
    "AvgPool": (_pooled, 0),
    "Conv2DBackpropInput": (_convolved_back, 2),
    "DepthwiseConv2dNativeBackpropInput": (_convolved_back, 2),
    "Pad": (_padded, 0),
    "PadV2": (_padded, 0),
    "MirrorPad": (_mirrored, 0),
    "StridedSlice": (_sliced, 0),
    "Slice": (_cut, 0),
    "ResizeBilinear": (_resized, 0),
    "ResizeNearestNeighbor": (_resized, 0),
    "ResizeBicubic": (_resized, 0),
    "ScaleAndTranslate": (_resized, 0),
    "Transpose": (_turned, 0),
    "Tile": (_tiled, 0),
    "Reshape": (_reshaped, 0),
    "Squeeze": (_reshaped, 0),
    "ExpandDims": (_reshaped, 0),
    "SpaceToBatchND": (_to_batch, 0),
    "BatchToSpaceND": (_to_batch, 0),
    "SpaceToDepth": (_to_depth, 0),
    "DepthToSpace": (_to_depth, 0),
}
"""Operations of one tensor, and which of their inputs it is."""

PRODUCTS: Final[Mapping[str, Callable[[Operation, Dims, int], Dims]]] = {
    "MatMul": _multiplied,
    "BatchMatMul": _multiplied,
    "BatchMatMulV2": _multiplied,
    "BatchMatMulV3": _multiplied,
    "Einsum": _summed,
}
"""Products with weights; those of two tensors that depend on the image are not propagated."""
