"""Pages of the portal: layouts, callbacks and pure figures."""
