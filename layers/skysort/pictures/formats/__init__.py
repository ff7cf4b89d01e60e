"""File formats of pictures: detection, decoding costs, loading and colours."""
