"""Members, accounts, roles and rights: everything above asks here whether it may."""
