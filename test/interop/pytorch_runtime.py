"""Runs generated modules on exported weights: jobs as JSON on stdin, results as JSON on stdout. See pytorch-runtime.test.ts."""

import json
import sys

import safetensors
import safetensors.torch
import torch

torch.set_num_threads(1)


def outputs(job):
    names = {}
    exec(compile(job['source'], 'module.py', 'exec'), names)
    x = torch.tensor(job['x']['data'], dtype=torch.int64 if job['ids'] else torch.float32).reshape(job['x']['shape'])
    states = {
        'pt': torch.load(job['pt'], weights_only=True),
        'mmap': torch.load(job['pt'], weights_only=True, mmap=True),
        'safetensors': safetensors.torch.load_file(job['safetensors']),
    }
    results = {}
    for kind, state in states.items():
        model = names['Model']().eval()
        assert list(model.state_dict()) == list(states['pt']), (list(model.state_dict()), list(states['pt']))
        model.load_state_dict(state)
        with torch.no_grad():
            y = model(x) if job['lengths'] is None else model(x, job['lengths'])
        results[kind] = {'shape': list(y.shape), 'data': y.reshape(-1).tolist()}
    return results


def tensors(path):
    with safetensors.safe_open(path, 'pt') as file:
        found = {name: file.get_tensor(name) for name in file.keys()}
        listed = {name: {'dtype': str(t.dtype), 'shape': list(t.shape), 'data': t.reshape(-1).tolist()} for name, t in found.items()}
        return {'tensors': listed, 'metadata': file.metadata()}


request = json.load(sys.stdin)
json.dump({'models': [outputs(job) for job in request['models']], 'files': [tensors(path) for path in request['files']]}, sys.stdout)
