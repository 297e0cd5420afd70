"""The demo: a year of a real grocer's baskets, through the real door."""
