"""What settings may be, for those who check them and train nothing: this needs no PyTorch."""

# Settings may come from anywhere, so nothing else of `models.cores` and `models.readouts` is built from a name.
CORES = ("StackedRotEquiHermiteConv2dCore", "StackedConv2dCore")
READOUTS = (
    "SpatialXFeatureJointL1Readout",
    "SpatialXFeatureSeparateL1Readout",
    "SpatialSparseXFeatureDenseReadout",
    "SpatialSparseXFeatureDenseSeparateReadout",
    "SpatialXFeatureJointL1TransferReadout",
)

MAX_SEED = 2**32 - 1
