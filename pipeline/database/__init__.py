"""Where the rows are: the server and its tables, and how they are asked."""
