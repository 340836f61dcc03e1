"""The first page: the whole fleet at a glance."""
