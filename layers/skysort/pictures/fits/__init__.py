"""FITS cutouts: selection of the image and its bands, tile compression."""
