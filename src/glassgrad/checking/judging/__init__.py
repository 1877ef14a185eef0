"""What a recorded program does: its parameters, its loss, what each of its quantities is, and whether that is right."""
