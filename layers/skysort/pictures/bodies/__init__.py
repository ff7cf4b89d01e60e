"""What pictures come in: HTTP bodies, archives and files of the drop bucket."""
