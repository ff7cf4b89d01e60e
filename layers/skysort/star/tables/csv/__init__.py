"""CSV: the dialect of a table, rows one by one, and dropped tables block by block."""
