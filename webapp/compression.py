"""Scripts and style sheets travel compressed; nothing else does.

Pages and answers of callbacks stay as they are: they hold the form token next to text
that comes from the address, and the length of a compressed answer would tell of it.
"""

from __future__ import annotations

from flask import Flask
from flask_compress import Compress

COMPRESSED_TYPES = (
    "application/javascript",
    "image/svg+xml",
    "text/css",
    "text/javascript",
)


def install_compression(server: Flask) -> None:
    """Compress static files for browsers that can read it, and still answer 304.

    Installed once every route is known.
    """
    server.config.update(
        COMPRESS_MIMETYPES=list(COMPRESSED_TYPES),
        COMPRESS_STREAMING_ENDPOINT_CONDITIONAL=[
            rule.endpoint for rule in server.url_map.iter_rules()
        ],
    )
    Compress(server)
