"""What an approval gives: who has access to what, its stops, its people and its extract."""
