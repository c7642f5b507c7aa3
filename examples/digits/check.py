"""Runs digits.onnx with ONNX Runtime over the held-out test set: accuracy, and that any batch size works."""
import json
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent


def main() -> None:
    session = onnxruntime.InferenceSession(HERE / "digits.onnx", providers=["CPUExecutionProvider"])
    rows = json.loads((HERE / "test_set.json").read_text())["rows"]
    pixels = np.array([row["pixels"] for row in rows], np.float32)
    labels = np.array([row["label"] for row in rows])
    (all_at_once,) = session.run(["probabilities"], {"pixels": pixels})
    one_by_one = np.concatenate([session.run(None, {"pixels": row[None]})[0] for row in pixels])
    assert all_at_once.shape == (len(rows), 10)
    assert np.allclose(all_at_once.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(all_at_once, one_by_one, atol=1e-5)
    print(f"ONNX Runtime accuracy {(all_at_once.argmax(axis=1) == labels).mean():.4f} on {len(rows)} held-out images")


if __name__ == "__main__":
    main()
