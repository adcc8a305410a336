"""Why an optimum is what it is: prices of limits, and limits that rule each other out."""
