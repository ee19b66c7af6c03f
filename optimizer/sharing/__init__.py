"""The rules by which scarce stock is shared: one small file each, composed into policies, exact and explained."""
