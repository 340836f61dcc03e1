"""The Flask and Dash application: gate, login, shell, health."""
