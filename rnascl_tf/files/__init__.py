"""Reading and writing files: whole or not at all, and bounded where they come from anywhere."""
