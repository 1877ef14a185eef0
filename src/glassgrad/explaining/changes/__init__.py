"""Changes: why a weight moved in a step, and what the step did to the loss."""
