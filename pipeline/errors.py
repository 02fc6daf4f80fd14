"""The one kind of error that a user causes and can mend."""

from __future__ import annotations


class UserError(Exception):
    """One line that names what was found and what to do; the command line prints it and exits with 2."""
