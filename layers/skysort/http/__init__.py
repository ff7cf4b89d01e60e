"""How skysort speaks HTTP: the API every function builds, its errors, and request bodies."""
