"""CPU microseconds of one ONNX Runtime call with one row, nothing around it: bare_onnx.py MODEL SECONDS."""
import sys
import time

import numpy
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
# Bound once, so that Python's part is the call alone.
binding = session.io_binding()
binding.bind_cpu_input("pixels", numpy.zeros((1, 64), dtype=numpy.float32))
binding.bind_output("probabilities")
calls = 0
begin = time.process_time()
while time.process_time() - begin < float(sys.argv[2]):
    for _ in range(1000):
        session.run_with_iobinding(binding)
    calls += 1000
print((time.process_time() - begin) / calls * 1e6)
