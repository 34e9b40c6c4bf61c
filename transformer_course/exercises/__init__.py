"""What the learner is asked, a module for each lesson's modules."""
