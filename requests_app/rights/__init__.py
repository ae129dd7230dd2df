"""Who may see, do and hear what of a request: rules read as SQL and asked of one object."""
