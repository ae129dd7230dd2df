"""Pages of whoever examines: inbox, acts, completeness, holders."""
