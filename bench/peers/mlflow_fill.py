"""Registers models in MLflow's own store: mlflow_fill.py STORE_URI COUNT."""
import sys

from mlflow.entities.model_registry import RegisteredModelTag
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

store = SqlAlchemyStore(sys.argv[1])
for number in range(int(sys.argv[2])):
    store.create_registered_model(
        f"model-{number:06d}",
        tags=[RegisteredModelTag("team", "vision")],
        description=f"Model {number:06d}, which tells the digit on an image of 8 by 8 points.",
    )
