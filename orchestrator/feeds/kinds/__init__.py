"""One module for each kind of source, and the list of them."""
