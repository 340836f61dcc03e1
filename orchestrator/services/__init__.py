"""One use case per module; each takes a session and the actor, and decides when."""
