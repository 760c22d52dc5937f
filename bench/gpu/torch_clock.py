"""How long PyTorch takes, and what torch.compile makes of a module."""

import sys
import time

import torch

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


def graph_breaks(module, *args):
    """What torch.compile does not see through."""
    found = torch._dynamo.explain(module)(*args)
    torch._dynamo.reset()
    return {"graphs": found.graph_count, "breaks": found.graph_break_count, "reasons": sorted({str(each.reason)[:300] for each in found.break_reasons})}
