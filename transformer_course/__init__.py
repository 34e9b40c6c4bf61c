"""A transformer, part by part: one module a lesson, and a full model that trains on real text."""
