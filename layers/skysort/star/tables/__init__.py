"""Tables of stars as people keep them: CSV (gzipped or not), FITS, VOTable and Parquet.

Each comes out in its own format and row order with the appended columns (appended); rows that
cannot be classified go to a separate CSV with the reason (rejects).
"""
