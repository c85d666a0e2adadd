"""The learners: networks, priors, deep Q-learning, the trio of agents. Knows no Prefect and no MLflow."""
