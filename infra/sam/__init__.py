"""The SAM command line on this machine: invoke the functions' images, or serve them behind an API."""
