"""Signing in with an identity provider (OpenID Connect, authorisation code with PKCE)."""
