"""Which trainings make a figure or a table, of the paper or of a lab's own, and what was published for it."""

from __future__ import annotations

import datajoint as dj

from schemas.training import TrainingTask

schema = dj.Schema()


@schema
class Experiment(dj.Manual):
    definition = """
    # A question that several trainings answer together
    experiment_name : varchar(64)   # fig2, table1, ..., or chosen by who designed it
    ---
    summary         : varchar(255)  # what it shows
    axis=null       : varchar(64)   # what `value` of its points is; null: they lie on no axis
    """

    class Member(dj.Part):
        definition = """
        # A training that belongs to it; several with one series and label are draws or seeds of one point
        -> master
        -> TrainingTask
        ---
        series          : varchar(64)   # line of the figure, block of the table
        label           : varchar(64)   # point of the figure, row of the table
        family          : varchar(16)   # of configurations: paper, small, or own of a lab's own experiment
        value=null      : float64       # where on the axis the point lies: features, per cent of the trials, ...
        position        : int32         # order of the rows, from 1
        """

    class Published(dj.Part):
        definition = """
        # What others found, for their data only; at the point of the same series and position
        -> master
        series          : varchar(64)
        label           : varchar(64)   # as the family paper has it
        ---
        value=null      : float64       # where on the axis; of the series feature weights, what was found
        position        : int32
        val_loss=null   : float64       # Poisson loss of the validation set, per image
        test_corr=null  : float64       # mean test correlation
        test_corr_sd=null : float64     # SD over the five best draws
        source          : varchar(255)  # where it stands, and for which data
        """
