"""What is claimed of the parts, measured together with its control: one module a lesson."""
