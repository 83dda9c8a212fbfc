"""All SQL of the api: literal text beside the function that runs it, typed rows, one module a subject."""
