"""The API: endpoints that call the use cases of the portal's pages."""
