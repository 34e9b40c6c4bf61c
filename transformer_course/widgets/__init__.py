"""What a learner plays with: one module a lesson."""
