"""What the words of the portal mean: one text for the page, its links and the docs."""
