"""The SAM command line on this machine: the functions' images, invoked and served behind an API."""
