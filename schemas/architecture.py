"""The architecture of models: cores layer by layer, readouts, and the pairs of them that make a model."""

from __future__ import annotations

from collections.abc import Iterable

import datajoint as dj

from models.choices import CORES, READOUTS

schema = dj.Schema()


def _enum(classes: Iterable[str]) -> str:
    """A type for the names of these classes."""
    return "enum({})".format(", ".join(f"'{name}'" for name in classes))


@schema
class Core(dj.Manual):
    definition = f"""
    # A stack of convolutions that all neurons share
    core                    : varchar(64)   # chosen by who designed it
    ---
    core_class              : {_enum(CORES)}     # in `models`
    num_rotations=null      : int32         # orientations of each filter; of equivariant cores
    upsampling=null         : int32         # sub-pixels along an axis on which filters are rotated
    shared_biases=null      : bool          # whether the orientations of a filter share their batch norm
    weights_sha256=null     : char(64)      # over the weights of a stored core, which is not trained; null of others
    """

    class Layer(dj.Part):
        definition = """
        # A layer of a core: convolution, batch norm, activation
        -> master
        layer               : int32         # 1 is next to the image
        ---
        filter_size         : int32         # pixels
        num_filters         : int32         # for each orientation
        stride              : int32         # pixels
        rate                : int32         # dilation, pixels
        padding             : enum('SAME', 'VALID')
        activation_fn       : enum('soft', 'relu', 'none')  # soft: log(1 + exp(x))
        rel_smooth_weight   : float64       # times conv_smooth_weight
        rel_sparse_weight   : float64       # times conv_sparse_weight
        """

    def keywords(self) -> tuple[str, dict]:
        """Class name and keyword arguments of the one core that is left, but for the weights of its penalties."""
        row = self.fetch1()
        return row["core_class"], self.keywords_of(row)

    @classmethod
    def keywords_of(cls, row: dict) -> dict:
        """The keyword arguments of a core, from its row."""
        layers = (cls.Layer & {"core": row["core"]}).to_dicts(order_by="layer")
        columns = [name for name in cls.Layer.heading.names if name not in cls.Layer.primary_key]
        keywords = {column: [layer[column] for layer in layers] for column in columns}
        return keywords | _given(row, "num_rotations", "upsampling", "shared_biases")


@schema
class Readout(dj.Manual):
    definition = f"""
    # How a neuron reads the maps of a core
    readout                     : varchar(64)   # chosen by who designed it
    ---
    readout_class               : {_enum(READOUTS)}     # in `models`
    positive_feature_weights    : bool          # whether feature weights enter as their absolute values
    init_masks                  : enum('rand', 'sta')   # start of the masks: at random, from spike-triggered averages
    k_transfer=null             : int32         # of the transfer readout: neurons 0, k, 2k, ... train the core
    """

    @staticmethod
    def keywords_of(row: dict) -> dict:
        """The keyword arguments of a readout, from its row, but for the weights of its penalties."""
        return _given(row, "positive_feature_weights", "init_masks", "k_transfer")


@schema
class ModelConfig(dj.Manual):
    definition = """
    # A core with a readout
    config      : varchar(64)   # chosen by who designed it
    ---
    -> Core
    -> Readout
    """


def _given(row: dict, *names: str) -> dict:
    """The columns that are not null; truth values as such, since MySQL gives them as numbers."""
    flags = ("shared_biases", "positive_feature_weights")
    return {name: bool(row[name]) if name in flags else row[name] for name in names if row[name] is not None}
