"""PyTorch on cuDNN behind the line protocol of worker.mjs: info, ceilings, prepare, open (which computes once, for comparison), time.

Modes: eager; graph, captured with torch.cuda.graph and replayed; compile and compile-rnn, through torch.compile, see torch_clock.py.
Without a GPU only with --cpu, for trying the protocol.
"""

import json
import pathlib
import sys
import traceback

most_compared = 1 << 20  # values of one tensor


def describe():
    if not on_cpu and not torch.cuda.is_available():
        raise RuntimeError(f"PyTorch {torch.__version__} sees no GPU")
    found = {"torch": torch.__version__, "device": "cpu" if on_cpu else torch.cuda.get_device_name()}
    if not on_cpu:
        found["folders"] = libraries()
        found.update(cuda=torch.version.cuda, cudnn=torch.backends.cudnn.version(), capability=torch.cuda.get_device_capability())
    return found


def libraries():
    """The folders of the cuDNN and cuBLAS that this process has loaded."""
    torch.zeros(1, device=device) + 1
    maps = pathlib.Path("/proc/self/maps")
    paths = {line.split()[-1] for line in maps.read_text().splitlines() if "/lib" in line} if maps.exists() else set()
    return sorted({str(pathlib.Path(path).parent) for path in paths if pathlib.Path(path).name.startswith(("libcudnn", "libcublas"))})


def tolerate_tf32(precision):
    # without it PyTorch asks cuDNN for CUDNN_FMA_MATH for every type but float16, and a GRU in bfloat16 does without tensor cores
    torch.backends.cudnn.allow_tf32 = precision in ("tf32", "bfloat16")
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def write(results, out):
    """As float32, every n-th value of what is large, as the other workers do."""
    written = {}
    for name, value in results.items():
        values = value.detach().float().flatten()
        values = values[:: max(1, -(-len(values) // most_compared))].cpu().contiguous()
        file = f"{out}.{name}.bin"
        pathlib.Path(file).write_bytes(values.numpy().tobytes())
        written[name] = {"file": file, "shape": list(values.shape)}
    return written


def info(request):
    return describe()


def ceilings(request):
    """FLOP/s of square products on random data, bytes/s of a copy; the best of ten."""

    def best(run):
        times = []
        for _ in range(12):
            times += groups(run, 1, 1)[0]
        return min(times[2:]) / 1000

    n, size = (256, 1 << 20) if on_cpu else (8192, 1 << 30)
    measured = {}
    for precision in ["float32", "tf32", "bfloat16", "float16"]:
        tolerate_tf32(precision)
        a, b = (torch.randn(n, n, device=device).to(dtypes[precision]) for _ in range(2))
        measured[precision] = 2 * n**3 / best(lambda: a @ b)
    source = torch.randint(0, 127, (size,), dtype=torch.int8, device=device)
    target = torch.empty_like(source)
    measured["copy"] = 2 * size / best(lambda: target.copy_(source))
    return measured


current, subjects = None, {}


def prepare(request):
    global current
    subjects.clear()
    if not on_cpu:
        torch.cuda.empty_cache()
    current = request
    return {}


def open_subject(request):
    row = current["row"]
    tolerate_tf32(row["precision"])
    kind = {"call": Call, "latency": Latency, "step": Step}[row["kind"]]
    subject = kind(row, current["arrays"], request["mode"])
    results = write(subject.once(), request["out"])
    subjects[request["name"]] = subject
    notes = {"compile": graph_breaks()} if request["mode"].startswith("compile") else {}
    return {"engine": f"torch {torch.__version__} {request['mode']}", "results": results, **notes}


def measure(request):
    subject = subjects[request["name"]]
    tolerate_tf32(current["row"]["precision"])
    return subject.time(request["ms"])


commands = {"info": info, "ceilings": ceilings, "prepare": prepare, "open": open_subject, "time": measure}

if __name__ == "__main__":
    try:
        import torch

        from torch_clock import device, graph_breaks, groups, on_cpu
        from torch_subjects import Call, Latency, Step, dtypes

        failure = None
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"error": failure} if failure else commands[request["command"]](request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
        print(json.dumps(answer), flush=True)
