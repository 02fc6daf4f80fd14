"""Figures and tables of what is in the database: each a query, its analysis and its plot as functions of their own.

`query_...` gives plain rows and arrays, `plot_...` draws them on given axes or an empty figure, `describe_...` says
the main numbers in words; a notebook puts them together as it likes, the report as `pipeline.report` does.
"""

from pipeline.figures.demo import demo_figure

__all__ = ["demo_figure"]
