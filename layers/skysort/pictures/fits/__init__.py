"""FITS cutouts: choosing the image and its bands, tile compression."""
