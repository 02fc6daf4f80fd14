"""Where the rows are: the server and its tables, and how they are asked."""

DEFAULT_PREFIX = "hypercolumn_"  # before the name of every schema
