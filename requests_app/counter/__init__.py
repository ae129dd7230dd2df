"""Everything a person sees of requests: pages, forms, readers, administration, navigation."""
