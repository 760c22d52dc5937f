"""PyTorch's CPU wheel behind the line protocol of ../worker.mjs: info, prepare (which also computes once, for comparison), time."""

import json
import pathlib
import sys
import time
import traceback
from array import array

MOST_SAMPLES = 2000  # of one round: short calls need no more


def read(given):
    dtype = {"float32": torch.float32, "int32": torch.int32}[given["dtype"]]
    data = bytearray(pathlib.Path(given["file"]).read_bytes())
    return torch.frombuffer(data, dtype=dtype).clone().reshape(given["shape"])


def load_weights(module, arrays):
    prefix = "weights."
    module.load_state_dict({name[len(prefix) :]: read(given) for name, given in arrays.items() if name.startswith(prefix)})


class Layer:
    per_sample = 1

    def __init__(self, workload, arrays):
        self.gru = torch.nn.GRU(workload["input"], workload["hidden"])
        load_weights(self.gru, arrays)
        self.forward_only = workload["kind"] == "forward"
        self.x = read(arrays["x"])
        self.dy = None if self.forward_only else read(arrays["dy"])
        self.x.requires_grad_(not self.forward_only)

    def sample(self):
        if self.forward_only:
            with torch.inference_mode():
                return self.gru(self.x)
        self.x.grad = None
        self.gru.zero_grad(set_to_none=True)
        y, hy = self.gru(self.x)
        y.backward(self.dy)
        return y, hy

    def once(self):
        y, hy = self.sample()
        results = {"y": y, "hy": hy}
        if not self.forward_only:
            results["dx"] = self.x.grad
            results.update((name, parameter.grad) for name, parameter in self.gru.named_parameters())
        return results


class Classifier:
    """Rows of different length as packed sequences."""

    def __init__(self, workload):
        both = workload.get("bidirectional", False)

        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding = torch.nn.Embedding(workload["vocabulary"], workload["embedding"])
                self.gru = torch.nn.GRU(workload["embedding"], workload["units"], batch_first=True, bidirectional=both)
                self.dense = torch.nn.Linear((2 if both else 1) * workload["units"], workload["classes"])

            def forward(self, x, lengths):
                x = self.embedding(x)
                if lengths is not None:
                    x = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
                _, states = self.gru(x)
                return self.dense(torch.cat([states[0], states[1]], dim=1) if both else states[0])

        self.module = Module()
        self.loss = torch.nn.CrossEntropyLoss()


class Regression:
    def __init__(self, workload):
        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.gru = torch.nn.GRU(workload["inputs"], workload["units"], batch_first=True)
                self.dense = torch.nn.Linear(workload["units"], 1)

            def forward(self, x, lengths):
                _, states = self.gru(x)
                return self.dense(states[0])

        self.module = Module()
        self.loss = torch.nn.MSELoss()


class Training:
    def __init__(self, workload, arrays):
        model = {"classifier": Classifier, "regression": Regression}[workload["model"]](workload)
        self.module, self.loss = model.module, model.loss
        load_weights(self.module, arrays)
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=0.001, eps=1e-8, fused=True)
        self.x, self.y = read(arrays["x"]), read(arrays["y"])
        if self.y.dtype == torch.int32:
            self.y = self.y.long()
        self.lengths = read(arrays["lengths"]).long() if "lengths" in arrays else None
        self.batch = workload["batch"]
        self.per_sample = workload["fitSteps"]

    def fit(self, order):
        total = torch.zeros(())
        for rows in order.split(self.batch):
            self.optimizer.zero_grad(set_to_none=True)
            lengths = None if self.lengths is None else self.lengths[rows]
            loss = self.loss(self.module(self.x[rows], lengths), self.y[rows])
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        return (total / self.per_sample).item()

    def sample(self):
        self.fit(torch.randperm(len(self.x)))

    def once(self):
        order = torch.arange(len(self.x))
        return {"losses": torch.tensor([self.fit(order) for _ in range(2)])}


current = None


def info(request):
    return {"name": "torch", "version": torch.__version__, "threads": torch.get_num_threads(), "capability": torch.backends.cpu.get_cpu_capability()}


def prepare(request):
    global current
    workload = request["workload"]
    torch.set_num_threads(request["threads"])
    current = (Training if workload["kind"] == "training" else Layer)(workload, request["arrays"])
    results = {}
    for name, value in current.once().items():
        file = f"{request['out']}.{name}.bin"
        pathlib.Path(file).write_bytes(array("f", value.flatten().tolist()).tobytes())
        results[name] = {"file": file, "shape": list(value.shape)}
    return {"engine": f"torch {torch.__version__}, {torch.get_num_threads()} threads", "results": results}


def measure(request):
    current.sample()
    times = []
    start = time.perf_counter()
    while len(times) < 1 or (time.perf_counter() - start < request["ms"] / 1000 and len(times) < MOST_SAMPLES):
        before = time.perf_counter()
        current.sample()
        times.append((time.perf_counter() - before) * 1000 / current.per_sample)
    return {"times": times}


commands = {"info": info, "prepare": prepare, "time": measure}

try:
    import torch
except ImportError as error:
    print(json.dumps({"error": f"{error}"}), flush=True)
    sys.exit(0)

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = commands[request["command"]](request)
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
