"""The schema that all in-silico tables stand in."""

import datajoint as dj

schema = dj.Schema()
