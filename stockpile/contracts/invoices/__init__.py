"""Invoices matched against order, receipt and price; approved in further names; paid at most what is owed."""
