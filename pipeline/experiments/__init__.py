"""Experiments as data: which trainings make a figure or a table of the paper, or of a lab's own."""

from pipeline.experiments.built_in import BUILT_IN
from pipeline.experiments.declare import Declared, declare
from pipeline.experiments.design import Design, Point, Reference, Request
from pipeline.experiments.durations import estimate
from pipeline.experiments.find import find
from pipeline.experiments.summary import lines

__all__ = [
    "BUILT_IN",
    "Declared",
    "Design",
    "Point",
    "Reference",
    "Request",
    "declare",
    "estimate",
    "find",
    "lines",
]
