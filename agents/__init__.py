"""Learning: three agents of one code shape, their frozen priors and the loop that trains them.

Builds on ``composer``; knows no Prefect, no MLflow and no command line. A learner yields plain records of metrics
and leaves it to others to log them. Importing this package loads nothing: take what you need from its modules, of
which :mod:`agents.config` and :mod:`agents.errors` load without torch.
"""
