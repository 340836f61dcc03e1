"""The frame of every page: language, skip link, and the theme before first paint."""

from __future__ import annotations

from flask import Flask, Response, request

from webapp.dash_internals import PLOTLY_SCRIPT, grid_script_url, page_at

THEME_SCRIPT = (
    "(function(){var t=null;try{t=localStorage.getItem('gfo-theme')}catch(e){}"
    "if(t!=='light'&&t!=='dark'){t=matchMedia('(prefers-color-scheme: dark)')"
    ".matches?'dark':'light'}"
    "document.documentElement.setAttribute('data-bs-theme',t)})()"
)
"""Runs in the head, so a dark page never flashes light; assets/portal.js toggles."""

INDEX = f"""<!DOCTYPE html>
<html lang="en" data-bs-theme="light">
  <head>
    {{%metas%}}
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <meta name="gfo-grid-script" content="{grid_script_url()}">
    <title>{{%title%}}</title>
    <link rel="icon" type="image/svg+xml" href="/portal/icon.svg">
    <script>{THEME_SCRIPT}</script>
    {{%css%}}
  </head>
  <body>
    <a class="gfo-skip" href="#main">Skip to content</a>
    {{%app_entry%}}
    <footer>
      {{%config%}}
      {{%scripts%}}
      {{%renderer%}}
    </footer>
  </body>
</html>"""


def install_preload(server: Flask) -> None:
    """Let browsers fetch Plotly's script with a page of charts, not after it.

    Dash asks for it once the first chart is drawn, when everything else has come.
    """
    server.after_request(_preload_plotly)


def _preload_plotly(response: Response) -> Response:
    if response.mimetype == "text/html" and response.status_code == 200:
        page = page_at(request.path)
        if page is not None and page.get("has_charts"):
            response.headers["Link"] = f"<{PLOTLY_SCRIPT}>; rel=preload; as=script"
    return response
