"""Checks ONNX files and runs them: reads a list of cases from standard input and writes their outputs to standard output.

A case is {"model": base64 of the file, "inputs": {name: {"dims": [...], "data": [...]}}}; the answer has for each case the
outputs by name as flat lists. The official checker's full check (types, shapes, operator signatures) must pass first.
"""

import base64
import json
import sys

import numpy
import onnx
import onnxruntime


def run(case):
    data = base64.b64decode(case["model"])
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    inputs = {
        name: numpy.array(value["data"], dtype=numpy.float32).reshape(value["dims"])
        for name, value in case["inputs"].items()
    }
    names = [output.name for output in session.get_outputs()]
    return {name: value.ravel().tolist() for name, value in zip(names, session.run(names, inputs))}


json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout)
