"""Changes that a second person has to approve, and the rules that say so."""
