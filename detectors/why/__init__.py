"""Why a condition began, for every detector: stored readings through the detector's own code again, and what that shows. Pure.

`told` is what is kept and shown, `reach` says how far back must be read, `play` plays, `facts` picks what a person would say,
`firing` puts it together.
"""
