"""Recomputes an experiment's rows from its matrices with scipy in float64 (theory.md of the field: gradient flow, ridge).

Reads a folder: request.json and {kind}_{train_train,test_train}.npy of shape (depth, x, train). Prints JSON rows.
"""

import json
import pathlib
import sys

import numpy as np
import scipy.linalg

folder = pathlib.Path(sys.argv[1])
request = json.loads((folder / "request.json").read_text())
classes = request["classes"]
train_labels = np.array(request["trainLabels"])
test_labels = np.array(request["testLabels"])


def targets(labels, kind):
    one_hot = np.eye(classes)
    if kind == "one-hot":
        return one_hot[labels]
    if kind == "centered":
        return one_hot[labels] - 1 / classes
    return one_hot[labels] - one_hot[train_labels].mean(axis=0)


def scores(prediction, labels, wanted):
    loss = 0.5 * ((prediction - wanted) ** 2).sum(axis=1).mean()
    return {"accuracy": float((prediction.argmax(axis=1) == labels).mean()), "loss": float(loss)}


y_train, y_test = targets(train_labels, request["labels"]), targets(test_labels, request["labels"])
c_train, c_test = targets(train_labels, "centered-over-images"), targets(test_labels, "centered-over-images")
rows = []
for kind in request["kernels"]:
    k_train_train = np.load(folder / f"{kind}_train_train.npy")
    k_test_train = np.load(folder / f"{kind}_test_train.npy")
    for depth, (k, k_test) in enumerate(zip(k_train_train, k_test_train)):
        w, v = scipy.linalg.eigh(k)
        rate = 2 / w[-1]
        row = {"kernel": kind, "depthIndex": depth, "eigenvalues": w.tolist(), "trace": float(np.trace(k)), "dynamics": [], "regression": []}
        for time in request["times"]:
            filtered = v @ (np.where(w == 0, rate * time, -np.expm1(-rate * w * time) / w)[:, None] * (v.T @ y_train))
            row["dynamics"].append({"train": scores(k @ filtered, train_labels, y_train), "test": scores(k_test @ filtered, test_labels, y_test)})
        for ridge in request["diagReg"]:
            solved = scipy.linalg.solve(k + ridge * np.trace(k) / len(k) * np.eye(len(k)), y_train, assume_a="pos")
            row["regression"].append({"train": scores(k @ solved, train_labels, y_train), "test": scores(k_test @ solved, test_labels, y_test)})
        mean = k_test @ scipy.linalg.solve(k, c_train, assume_a="pos")
        row["meanPredictorNorm"] = float(np.linalg.norm(mean) / np.linalg.norm(c_test))
        rows.append(row)
json.dump(rows, sys.stdout)
