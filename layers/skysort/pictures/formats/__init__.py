"""File formats of pictures: telling them apart, what decoding costs, loading and colours."""
