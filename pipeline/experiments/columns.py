"""What a lab may change of a named configuration: the columns of each of its parts, and the values that they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.choices import CORES, READOUTS
from models.layers import ACTIVATIONS
from models.optimizers import OPTIMIZERS
from models.padding import PADDINGS
from models.precision import PRECISIONS
from models.readouts import INIT_MASKS
from pipeline.errors import UserError
from pipeline.experiments.yaml_file import Node
from pipeline.names import LONGEST, check_name

Reader = Callable[[Node], Any]
# Beyond these nothing is trained that anybody wants, and much that no machine holds.
LARGEST = 1_000_000
MOST_FILTERS, MOST_ROTATIONS, MOST_PIXELS, MOST_UPSAMPLING = 4096, 64, 255, 16


def name(node: Node) -> str:
    """A name that may be a key."""
    text = node.text(LONGEST)
    try:
        check_name(text)
    except UserError as error:
        raise node.error(f"is a name that does not do: {error}") from error
    return text


def whole(lowest: int = 1, highest: int = LARGEST) -> Reader:
    return lambda node: node.whole(lowest, highest)


def number(lowest: float, *, above: bool = False, below: float = 1e6) -> Reader:
    return lambda node: node.number(lowest, above=above, below=below)


def word(*allowed: str) -> Reader:
    return lambda node: node.word(allowed)


def flag(node: Node) -> bool:
    return node.flag()


def or_null(reader: Reader) -> Reader:
    return lambda node: None if node.is_null() else reader(node)


def each(reader: Reader) -> Reader:
    """One value a layer."""
    return lambda node: [reader(value) for value in node.sequence("one value a layer")]


def interval(node: Node) -> tuple[float, float]:
    """Lower and upper bound of a weight in a search."""
    limits = [limit.number(0, above=True) for limit in node.sequence("two numbers, the lower and the upper bound")]
    if len(limits) != 2 or limits[0] > limits[1]:
        raise node.error(f"has the bounds {limits}; allowed are two numbers, the lower one first")
    return limits[0], limits[1]


WEIGHT = number(0)
COLUMNS: dict[str, dict[str, Reader]] = {
    "core": {
        "core": name,
        "core_class": word(*CORES),
        "num_rotations": or_null(whole(1, MOST_ROTATIONS)),
        "upsampling": or_null(whole(1, MOST_UPSAMPLING)),
        "shared_biases": or_null(flag),
    },
    "layers": {
        "filter_size": each(whole(1, MOST_PIXELS)),
        "num_filters": each(whole(1, MOST_FILTERS)),
        "stride": each(whole(1, MOST_PIXELS)),
        "rate": each(whole(1, MOST_PIXELS)),
        "padding": each(word(*PADDINGS)),
        "activation_fn": each(word(*ACTIVATIONS)),
        "rel_smooth_weight": each(WEIGHT),
        "rel_sparse_weight": each(WEIGHT),
    },
    "readout": {
        "readout": name,
        "readout_class": word(*READOUTS),
        "positive_feature_weights": flag,
        "init_masks": word(*INIT_MASKS),
        "k_transfer": or_null(whole(2)),
    },
    "regularization": {
        "conv_smooth_weight": WEIGHT,
        "conv_sparse_weight": WEIGHT,
        "readout_sparsity": or_null(WEIGHT),
        "mask_sparsity": or_null(WEIGHT),
        "feature_sparsity": or_null(WEIGHT),
        "feature_l2": or_null(WEIGHT),
    },
    "trainer": {
        "trainer": name,
        "learning_rate": number(0, above=True, below=10),
        "batch_size": whole(),
        "val_steps": whole(),
        "patience": whole(),
        "lr_decay_steps": whole(),
        "max_iter": or_null(whole()),
        "map_dropout": number(0, below=1),
        "max_shift": whole(0, MOST_PIXELS),
        "optimizer": word(*OPTIMIZERS),
        "weight_decay": number(0),
        "schedule": word("stages", "cosine"),
        "precision": word(*PRECISIONS),
    },
}
COLUMNS["bounds"] = dict.fromkeys(COLUMNS["regularization"], or_null(interval))
