"""What differs between the places where skysort runs: one typed settings object a stage."""
