"""The schema that all tables of training stand in."""

import datajoint as dj

schema = dj.Schema()
