"""Errors that a user can mend, as one line each."""

from __future__ import annotations

import errno

OURS = ("models", "pipeline", "schemas")
SAID_OF_FULL_DISK = ("No space left on device", "Disk quota exceeded")  # by a server or a library
MYSQL_FULL_DISK = {1021, 1114}  # disk full; table full, which is what InnoDB says of a full disk


class UserError(Exception):
    """One line that names what was found and what to do; the command line prints it and exits with 2."""


def explained(error: Exception) -> str | None:
    """One line about an error that is no fault of the program; None for one that is."""
    if isinstance(error, UserError):
        return " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        package = error.name.partition(".")[0]
        return None if package in OURS else f"package {package} is missing; `hypercolumn doctor` tells what to install"
    line = said(error)
    try:
        from datajoint.errors import AccessError, MissingExternalFile

        from models.training import TrainingDivergedError
        from schemas import server
        from schemas.codecs import CorruptFileError
        from schemas.memory import OutOfMemoryError
        from schemas.stored_file import StoreError
        from schemas.training.stored_core import StoredCoreError
    except ValueError:  # DataJoint reads DJ_STORES, DJ_PORT, ... when it is imported
        return f"DataJoint's configuration in the environment cannot be used ({line}); check the DJ_* variables"
    if isinstance(error, TrainingDivergedError | OutOfMemoryError | StoredCoreError):
        return line
    if is_full_disk(error):
        return f"no room is left on the disk ({line}); free some and try again, nothing was written"
    if isinstance(error, CorruptFileError | MissingExternalFile):
        return f"{line}; restore the file from a backup, or delete its row"
    if isinstance(error, StoreError):
        return f"{line}; check stores.main in DataJoint's configuration, its server or disk, and your permissions"
    if server.is_away(error):
        return f"the database server does not answer ({line}); check that it runs and try again"
    if type(error).__name__ == "OperationalError":  # of either driver
        return f"the database server refuses ({line}); check its settings, and your permissions there"
    if isinstance(error, AccessError):
        refusal = " ".join(str(error.args[1]).split())
        return (
            f"the database user may not do that ({refusal}); docs/how-to/servers.md tells what each kind of user may do"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; check the path and its permissions"
    if isinstance(error, FileNotFoundError | PermissionError) or type(error).__module__.startswith("botocore."):
        return f"the store on S3 cannot be used ({line}); check stores.main in DataJoint's configuration and its server"
    return None


def said(error: Exception) -> str:
    """What an error says, as one line; of a value that is refused not the value itself, which may be a password."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return " ".join(str(error).split())


def is_full_disk(error: BaseException | None) -> bool:
    """Whether the error, or one that it came from, is a full disk: here, or on the server."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if any(said in str(error) for said in SAID_OF_FULL_DISK):
            return True
        if type(error).__module__ == "pymysql.err" and error.args and error.args[0] in MYSQL_FULL_DISK:
            return True
        error = error.__cause__ or error.__context__
    return False
