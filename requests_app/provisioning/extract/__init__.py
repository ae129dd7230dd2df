"""The extract of a study: staged on this machine, confirmed by a second person, delivered."""
