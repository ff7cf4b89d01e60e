"""What skysort is measured against: the same networks in PyTorch behind FastAPI, as such services are usually built."""
