"""Stars, galaxies and quasars told apart by SDSS photometry and, where there is one, redshift."""
