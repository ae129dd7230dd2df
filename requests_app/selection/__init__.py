"""What is chosen in the catalogue: the basket, its rows, what is to be looked at, exports."""
