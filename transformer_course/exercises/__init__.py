"""What the learner is asked, a module for each lesson's modules.

A lesson asks its exercises in the order of their modules' names, and those of a module from top to
bottom; where a lesson's order is another, its modules stand in `FIRST`.
"""

FIRST = ("blocks_norm", "blocks", "training", "generation")
"""Lesson 08 builds a block, trains it and lets it write."""
