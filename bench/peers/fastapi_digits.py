"""The digits model behind FastAPI and ONNX Runtime, in the Open Inference Protocol: uvicorn fastapi_digits:app."""
import os
from typing import Any

import numpy
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
app = FastAPI()


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Call(BaseModel):
    inputs: list[Tensor]


@app.get("/ready")
async def ready() -> dict[str, bool]:
    return {"ready": True}


# async: the model takes microseconds, a hop to FastAPI's pool of threads would cost more.
@app.post("/v2/models/digits/infer")
async def infer(call: Call) -> dict[str, Any]:
    tensor = call.inputs[0]
    pixels = numpy.asarray(tensor.data, dtype=numpy.float32).reshape(tensor.shape)
    result = session.run(["probabilities"], {"pixels": pixels})[0]
    output = {"name": "probabilities", "shape": list(result.shape), "datatype": "FP32", "data": result.ravel().tolist()}
    return {"model_name": "digits", "outputs": [output]}
