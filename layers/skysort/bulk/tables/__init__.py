"""Tables of bulk jobs: split into slices by the planner, read slice by slice by the parts."""
