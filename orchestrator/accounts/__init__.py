"""People and their accounts: who may come in, and what admins do about others."""
