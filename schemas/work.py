"""Who works on what: leases of the processes that take jobs, which tasks come first, and which tables these are."""

from __future__ import annotations

import datajoint as dj

from schemas.training import TrainingTask

schema = dj.Schema()


@schema
class Lease(dj.Manual):
    definition = """
    # A process that takes jobs; dead when this is not renewed. Host, pid and connection stand in the jobs, too
    host            : varchar(255)
    pid             : int32
    connection_id   : int64
    ---
    process_space   : varchar(255)                  # in which a pid means one process: machine, its start, container
    device          : varchar(32)                   # cpu or cuda:0, ...
    taken=CURRENT_TIMESTAMP(3)      : datetime(3)   # by the server's clock
    renewed=CURRENT_TIMESTAMP(3)    : datetime(3)   # by the server's clock
    """


@schema
class Priority(dj.Manual):
    definition = """
    # How urgent the jobs of a task are, where that was said
    -> TrainingTask
    ---
    priority        : int16         # 0 is the most urgent; tasks without have 5
    """


@schema
class Installation(dj.Manual):
    definition = """
    # Versions of the tables that this database has had; the highest is what it has now
    schema_version  : int32
    ---
    package_version : varchar(32)
    since           : datetime      # UTC
    """
