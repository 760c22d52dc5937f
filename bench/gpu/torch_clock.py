"""How long PyTorch takes, and what torch.compile makes of a module."""

import sys
import time

import torch
import torch._dynamo
from torch._dynamo.utils import counters

on_cpu = "--cpu" in sys.argv
device = "cpu" if on_cpu else "cuda"


def synchronize():
    if not on_cpu:
        torch.cuda.synchronize()


def groups(run, calls, count):
    """ms of one call, on the device and for enqueuing alone, in `count` groups of calls made back to back."""
    on_device, host = [], []
    for _ in range(count):
        if not on_cpu:
            start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
        begin = time.perf_counter()
        for _ in range(calls):
            run()
        enqueued = time.perf_counter()
        if not on_cpu:
            stop.record()
            stop.synchronize()
        elapsed = (enqueued - begin) * 1000 if on_cpu else start.elapsed_time(stop)
        on_device.append(elapsed / calls)
        host.append((enqueued - begin) * 1000 / calls)
    return on_device, host


def time_calls(run, ms):
    """As cuda_gru/clock.cc does."""
    run()
    synchronize()
    latency, begin = [], time.perf_counter()
    at = begin
    while len(latency) < 1 or at - begin < ms / 2000:
        run()
        synchronize()
        end = time.perf_counter()
        latency.append((end - at) * 1000)
        at = end
    calls = max(1, min(200, int(2 / min(latency))))
    on_device, host, middle = [], [], time.perf_counter()
    while len(on_device) < 1 or time.perf_counter() - middle < ms / 2000:
        more, enqueuing = groups(run, calls, 1)
        on_device += more
        host += enqueuing
    return {"device": on_device, "host": host, "latency": latency}


def compiled(module, mode):
    """Through torch.compile, from scratch. It does not look into a GRU (the frame around one is left out); compile-rnn tells it to."""
    torch._dynamo.reset()
    torch._dynamo.config.allow_rnn = mode == "compile-rnn"
    counters.clear()
    return torch.compile(module)


def graph_breaks():
    """What torch.compile did not see through since then: how many graphs it made, and why not one of all."""
    reasons = {}
    for kind in ("graph_break", "unimplemented"):
        for reason, count in counters[kind].items():
            text = " ".join(str(reason).split())[:200]
            reasons[text] = reasons.get(text, 0) + count
    return {"graphs": counters["stats"].get("unique_graphs", 0), "reasons": reasons}
