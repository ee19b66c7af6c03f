"""Stock counts: blind, aware of movements, recounted past a threshold, approved by another person."""
