"""One training step of each network that `step.py` compares, each a program that takes a step when it is told to.

All are of the width of the paper's main model: three layers of 13, 5 and 5 pixels, 16 features in 8 orientations,
batch norm, softplus after the first two, a factorised readout with softplus, joint L1, Poisson loss and Adam.
"""
