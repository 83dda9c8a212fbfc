"""A site's score of a day: the formula, the facts, the three numbers and what they are made of."""
