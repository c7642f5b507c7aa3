"""Trains the digits classifier and writes digits.onnx and test_set.json beside this file.

The graph is written by hand in plain operators, so that the exported model is exactly what is described in README.md:
pixels [N, 64] in 0..16 -> Div 16 -> 64 ReLU units -> 10 logits -> Softmax -> probabilities [N, 10].
"""
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

HERE = Path(__file__).resolve().parent
SEED = 7
OPSET, IR_VERSION = 13, 8
SOURCE = "UCI Optical Recognition of Handwritten Digits, https://doi.org/10.24432/C50P49"


def export(classifier: MLPClassifier) -> onnx.ModelProto:
    weights = {
        "hidden_weight": classifier.coefs_[0].astype(np.float32),
        "hidden_bias": classifier.intercepts_[0].astype(np.float32),
        "output_weight": classifier.coefs_[1].astype(np.float32),
        "output_bias": classifier.intercepts_[1].astype(np.float32),
    }
    nodes = [
        helper.make_node("Constant", [], ["scale"], value=numpy_helper.from_array(np.array(16, np.float32), "scale")),
        helper.make_node("Div", ["pixels", "scale"], ["scaled"]),
        helper.make_node("Gemm", ["scaled", "hidden_weight", "hidden_bias"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["activated"]),
        helper.make_node("Gemm", ["activated", "output_weight", "output_bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(
        graph, producer_name="modelops-digits", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    helper.set_model_props(
        model,
        {
            "name": "digits",
            "description": "Handwritten digits 0 to 9 from 8x8 images",
            "license": "CC-BY-4.0",
            "source": SOURCE,
        },
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def probabilities(classifier: MLPClassifier, pixels: np.ndarray) -> np.ndarray:
    return classifier.predict_proba(pixels / 16)


def main() -> None:
    pixels, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(pixels, labels, test_size=0.2, random_state=SEED, stratify=labels)
    classifier = MLPClassifier(hidden_layer_sizes=(64,), alpha=1e-3, max_iter=1000, random_state=SEED)
    with threadpool_limits(1):  # the order of floating-point sums, and so the weights, repeat
        classifier.fit(train_x / 16, train_y)
    accuracy = float((probabilities(classifier, test_x).argmax(axis=1) == test_y).mean())

    (HERE / "digits.onnx").write_bytes(export(classifier).SerializeToString(deterministic=True))
    rows = ",\n".join(
        json.dumps({"label": int(label), "pixels": [int(p) for p in row]}, separators=(",", ":"))
        for row, label in zip(test_x, test_y)
    )
    (HERE / "test_set.json").write_text(f'{{"source":{json.dumps(SOURCE)},"license":"CC-BY-4.0","rows":[\n{rows}\n]}}\n')
    print(f"held-out accuracy {accuracy:.4f} on {len(test_y)} of {len(labels)} images")


if __name__ == "__main__":
    main()
