"""What is promised before anything is shared: members' entitlements, and what stays at a depot."""
