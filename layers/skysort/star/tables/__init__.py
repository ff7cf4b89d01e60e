"""Tables of stars: CSV, FITS, VOTable, Parquet, ECSV and IPAC, gzipped or not.

The result has the table's format and row order, with appended columns; rows that cannot be classified go to a separate
CSV with the reason.
"""
