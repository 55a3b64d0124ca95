"""Files that implementations in any language can be checked against: cases, operations and tiny networks."""
