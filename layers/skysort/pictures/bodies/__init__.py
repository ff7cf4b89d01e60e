"""The sources of pictures: HTTP bodies, archives and files in the drop bucket."""
