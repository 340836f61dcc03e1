"""People and their accounts: logins, passwords, refusals, and administration."""
