-- Run once, on an empty volume: MLflow and Prefect each own one database and cannot connect to the other's.
\set mlflow_password `head -n 1 /run/secrets/mlflow_password`
\set prefect_password `head -n 1 /run/secrets/prefect_password`

CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE prefect OWNER prefect;
REVOKE CONNECT ON DATABASE mlflow, prefect FROM PUBLIC;
