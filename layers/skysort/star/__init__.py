"""Classification of stars, galaxies and quasars by SDSS photometry and, where there is one, redshift."""
