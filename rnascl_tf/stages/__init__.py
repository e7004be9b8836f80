"""The eight stages of the main job, one file each."""
