"""Datatypes that an HDF5 file cannot have, and on which HDF5 (to 1.14.6 at least) crashes when such values are read.

There are two kinds of types of varying length, sequences and strings; it takes any number for the kind when it opens
one.
Layout: "HDF5 File Format Specification", IV.A.2.d.
"""

from __future__ import annotations

from collections.abc import Iterator

import h5py
from h5py import h5a, h5t

KIND = 3  # byte of an encoded type, after two of its own and one of its class
SEQUENCE = 0  # in the lower half of that byte; a string, which is 1, is of another class in h5py


def types_of(one: h5py.HLObject) -> Iterator[h5t.TypeID]:
    """Of an object's values, and of all its attributes."""
    if isinstance(one, h5py.Dataset):
        yield one.id.get_type()
    elif isinstance(one, h5py.Datatype):
        yield one.id
    for index in range(h5a.get_num_attrs(one.id)):
        yield h5a.open(one.id, index=index).get_type()


def is_possible(one: h5t.TypeID) -> bool:
    """Whether values of a type can be read without a crash."""
    if isinstance(one, h5t.TypeVlenID):
        return one.encode()[KIND] & 0x0F == SEQUENCE and is_possible(one.get_super())
    if isinstance(one, h5t.TypeArrayID):
        return is_possible(one.get_super())
    if isinstance(one, h5t.TypeCompoundID):
        return all(is_possible(one.get_member_type(index)) for index in range(one.get_nmembers()))
    return True
