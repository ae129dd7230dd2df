"""A procedure played from the deposit to each of its ends, by made-up people, in legal time."""
