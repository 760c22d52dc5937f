"""What torch_peer.py times: one GRU call, one call from host to host, one training step. Arrays are files of float32 or int32 values,
repeated as often as the shape needs."""

import contextlib
import math
import pathlib
import time

import torch

from torch_clock import compiled, device, on_cpu, synchronize, time_calls

dtypes = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def read(arrays, name, shape):
    file = pathlib.Path(arrays["folder"]) / f"{name}.bin"
    dtype = torch.int32 if name in arrays["integers"] else torch.float32
    values = torch.frombuffer(bytearray(file.read_bytes()), dtype=dtype).clone()
    count = math.prod(shape)
    return values.repeat(-(-count // len(values)))[:count].reshape(shape)


def load(module, arrays, prefix=""):
    module.load_state_dict({name: read(arrays, prefix + name, value.shape) for name, value in module.state_dict().items()})


def captured(run, prepare=lambda: None):
    """`run` as a CUDA graph, after three warm-ups on a side stream. `prepare` comes right before the capture."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    prepare()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run()
    return graph, result


def expect_gpu(mode):
    if mode == "graph" and on_cpu:
        raise RuntimeError("CUDA graphs need a GPU")


def make_gru(row, arrays):
    gru = torch.nn.GRU(row["input"], row["hidden"])
    load(gru, arrays)
    return gru.to(device, dtypes[row["precision"]]).train(row["training"])


class Call:
    """Everything lies on the device."""

    def __init__(self, row, arrays, mode):
        expect_gpu(mode)
        self.training = row["training"]
        self.gru = make_gru(row, arrays)
        shape = [row["steps"], row["batch"], row["input"]]
        self.x = read(arrays, "x", shape).to(device, dtypes[row["precision"]]).requires_grad_(self.training)
        if self.training:
            self.dy = read(arrays, "dy", [*shape[:2], row["hidden"]]).to(device, dtypes[row["precision"]])
        self.module = self.gru
        if mode.startswith("compile"):
            self.module = compiled(self.gru, mode)
        self.run = self.compute
        if mode == "graph":
            graph, self.result = captured(self.compute, self.forget)
            self.run = graph.replay

    def forget(self):
        self.x.grad = None
        self.gru.zero_grad(set_to_none=True)

    def compute(self):
        if not self.training:
            with torch.inference_mode():
                self.result = self.module(self.x)
                return self.result
        self.forget()
        self.result = self.module(self.x)
        self.result[0].backward(self.dy)
        return self.result

    def once(self):
        self.run()
        synchronize()
        results = {"y": self.result[0], "hy": self.result[1]}
        if self.training:
            results["dx"] = self.x.grad
            results.update((name, parameter.grad) for name, parameter in self.gru.named_parameters())
        return results

    def time(self, ms):
        return time_calls(self.run, ms)


class Latency:
    """From values on the host to values on the host."""

    def __init__(self, row, arrays, mode):
        expect_gpu(mode)
        self.dtype = dtypes[row["precision"]]
        self.gru = make_gru(row, arrays)
        self.x = read(arrays, "x", [row["steps"], row["batch"], row["input"]])
        self.module = compiled(self.gru, mode) if mode.startswith("compile") else self.gru
        self.run = self.compute
        if mode == "graph":
            self.static = torch.zeros_like(self.x, device=device)
            with torch.inference_mode():
                self.graph, self.result = captured(lambda: self.gru(self.static.to(self.dtype)))
            self.run = self.replay

    def compute(self):
        with torch.inference_mode():
            y, hy = self.module(self.x.to(device).to(self.dtype))
        return y.float().cpu(), hy.float().cpu()

    def replay(self):
        self.static.copy_(self.x)
        self.graph.replay()
        y, hy = self.result
        return y.float().cpu(), hy.float().cpu()

    def once(self):
        y, hy = self.run()
        return {"y": y, "hy": hy}

    def time(self, ms):
        self.run()
        latency, begin = [], time.perf_counter()
        at = begin
        while len(latency) < 1 or at - begin < ms / 1000:
            self.run()
            end = time.perf_counter()
            latency.append((end - at) * 1000)
            at = end
        return {"latency": latency}


class Network(torch.nn.Module):
    def __init__(self, row):
        super().__init__()
        self.embedding = torch.nn.Embedding(row["vocabulary"], row["input"])
        self.gru = torch.nn.GRU(row["input"], row["hidden"], batch_first=True)
        self.dense = torch.nn.Linear(row["hidden"], row["classes"])

    def forward(self, ids):
        return self.dense(self.gru(self.embedding(ids))[1][0])


class Step:
    """A training step: batches come from pinned memory of the host, the losses stay on the device until the end of a fit."""

    def __init__(self, row, arrays, mode):
        expect_gpu(mode)
        self.row, self.arrays = row, arrays
        self.batch, self.steps_of_fit = row["batch"], row["fitSteps"]
        rows = self.batch * self.steps_of_fit
        self.x, self.labels = read(arrays, "ids", [rows, row["steps"]]), read(arrays, "labels", [rows]).long()
        if not on_cpu:
            self.x, self.labels = self.x.pin_memory(), self.labels.pin_memory()
        self.network = Network(row).to(device)
        self.reset()
        self.narrow = dtypes[row["precision"]] if row["precision"] in ("bfloat16", "float16") else None
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=0.001, eps=1e-8, fused=not on_cpu, capturable=mode == "graph" and not on_cpu
        )
        self.scaler = torch.amp.GradScaler(device, enabled=row["precision"] == "float16")
        self.model = self.network
        self.total = torch.zeros((), device=device)
        self.ids = torch.zeros(self.batch, row["steps"], dtype=torch.int32, device=device)
        self.classes = torch.zeros(self.batch, dtype=torch.int64, device=device)
        self.gradients = self.first_gradients()
        if mode.startswith("compile"):
            self.model = compiled(self.network, mode)
        self.step = self.work
        if mode == "graph":
            self.graph, _ = captured(self.work, lambda: self.optimizer.zero_grad(set_to_none=True))
            self.step = self.graph.replay
            self.reset()
            for state in self.optimizer.state.values():
                for value in state.values():
                    value.zero_()

    def reset(self):
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                value.copy_(read(self.arrays, f"weights.{name}", value.shape))

    def loss(self):
        with torch.autocast(device, dtype=self.narrow) if self.narrow else contextlib.nullcontext():
            return torch.nn.functional.cross_entropy(self.model(self.ids).float(), self.classes)

    def take(self, at):
        rows = slice(at * self.batch, (at + 1) * self.batch)
        self.ids.copy_(self.x[rows], non_blocking=True)
        self.classes.copy_(self.labels[rows], non_blocking=True)

    def work(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.total.add_(loss.detach())

    def first_gradients(self):
        """Of the first batch with the weights given."""
        self.take(0)
        self.scaler.scale(self.loss()).backward()
        scale = self.scaler.get_scale()
        gradients = {f"d.{name}": value.grad / scale for name, value in self.network.named_parameters()}
        self.optimizer.zero_grad(set_to_none=True)
        return gradients

    def fit(self):
        self.total.zero_()
        for at in range(self.steps_of_fit):
            self.take(at)
            self.step()
        return self.total.item() / self.steps_of_fit

    def once(self):
        return {"losses": torch.tensor([self.fit() for _ in range(2)]), **self.gradients}

    def time(self, ms):
        self.fit()
        wall, cpu, begin = [], [], time.perf_counter()
        while len(wall) < 1 or time.perf_counter() - begin < ms / 1000:
            at, worked = time.perf_counter(), time.process_time()
            self.fit()
            wall.append((time.perf_counter() - at) * 1000 / self.steps_of_fit)
            cpu.append((time.process_time() - worked) * 1000 / self.steps_of_fit)
        return {"step": wall, "cpu": cpu}
