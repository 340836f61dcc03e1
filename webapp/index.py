"""The frame of every page: language, skip link, and the theme before first paint."""

from __future__ import annotations

from webapp.dash_internals import grid_script_url

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
