"""Keys, sign-ins, second factor, lent roles and break-glass over HTTP."""
