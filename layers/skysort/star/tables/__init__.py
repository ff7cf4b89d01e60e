"""Tables of stars as people keep them: CSV, FITS, VOTable, Parquet, ECSV and IPAC, gzipped or not.

Each comes out in its own format and row order with the appended columns (appended); rows that
cannot be classified go to a separate CSV with the reason (rejects).
"""
