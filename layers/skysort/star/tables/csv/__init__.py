"""CSV: how a table is written, its rows one by one, and dropped tables block by block."""
