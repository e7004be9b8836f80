"""Which convolutions of a teacher are tapped: their names, projection shortcuts, the user's choice."""
