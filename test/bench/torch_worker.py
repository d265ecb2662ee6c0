"""Times training steps in PyTorch for the comparison in learning.ts.

Reads one JSON request a line: {"case": ..., "format": "contiguous" | "channels_last", "steps": n}, answers one line:
a list of milliseconds, one a step. The first request of a case builds its model and runs warm-up steps.
"""

import json
import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
WARM_UP_STEPS = 5


def cnn(case):
    channels, side, _ = case["imageDims"]
    layers, inputs = [], channels
    for index, filters in enumerate(case["filters"]):
        layers += [nn.Conv2d(inputs, filters, 3, padding=1), nn.ReLU()]
        if index < len(case["filters"]) - 1:
            layers.append(nn.MaxPool2d(2))
        inputs = filters
    last = side // 2 ** (len(case["filters"]) - 1)
    layers += [nn.Flatten(), nn.Linear(inputs * last * last, case["dense"]), nn.ReLU(), nn.Linear(case["dense"], 2)]
    return nn.Sequential(*layers)


class Block(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.a = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.an = nn.GroupNorm(8, filters)
        self.b = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn = nn.GroupNorm(8, filters)
        same = stride == 1 and inputs == filters
        self.skip = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(inputs, filters, 1, stride, bias=False), nn.GroupNorm(8, filters))
        )

    def forward(self, x):
        y = torch.relu(self.an(self.a(x)))
        return torch.relu(self.bn(self.b(y)) + self.skip(x))


def resnet(case):
    channels = case["imageDims"][0]
    widths = case["widths"]
    stem = [nn.Conv2d(channels, widths[0], 3, padding=1, bias=False), nn.GroupNorm(8, widths[0]), nn.ReLU()]
    blocks, inputs = [], widths[0]
    for stage, filters in enumerate(widths):
        blocks.append(Block(inputs, filters, 1 if stage == 0 else 2))
        inputs = filters
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 2))


def prepare(case, memory_format):
    torch.manual_seed(0)
    model = (resnet if case["kind"] == "resnet" else cnn)(case).to(memory_format=memory_format)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    images = torch.rand(case["batchSize"], *case["imageDims"]).to(memory_format=memory_format)
    labels = torch.randint(0, 2, (case["batchSize"],))
    loss = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        loss(model(images), labels).backward()
        optimizer.step()

    for _ in range(WARM_UP_STEPS):
        step()
    return step


def main():
    steps = {}
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        key = (json.dumps(request["case"], sort_keys=True), request["format"])
        if key not in steps:
            steps[key] = prepare(request["case"], FORMATS[request["format"]])
        times = []
        for _ in range(request["steps"]):
            start = time.perf_counter()
            steps[key]()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps(times), flush=True)


main()
