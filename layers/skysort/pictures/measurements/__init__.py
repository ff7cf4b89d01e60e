"""Pictures of measured brightness, drawn for display."""
