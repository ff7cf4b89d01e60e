"""The star model: SDSS17 in, two boosters, their calibration and their card out."""
