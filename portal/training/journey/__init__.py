"""The main job played from the outside: HTTP pages, S3 and the training clock, never a row."""
