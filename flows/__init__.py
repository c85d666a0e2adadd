"""The pipeline and the command line: Prefect flows, MLflow tracking, the `triad` command."""
