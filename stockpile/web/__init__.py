"""The screens for signed-in work; they call the same operations as the API."""
