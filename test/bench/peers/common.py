"""What the peers of the speed comparison share: the task, and the lines that peers.ts reads.

The task comes as JSON in the last argument (see task.ts). Images are random and stay in memory; a site's batches are cut from
one tensor, which is faster than a DataLoader and the same for every peer.
"""

import importlib.metadata
import json
import platform
import sys

import torch
from torch import nn

# Ray's own processes have other arguments.
TASK = json.loads(sys.argv[-1]) if sys.argv[-1].startswith("{") else {}
CLASSES = 10
SIDE = 32


def model():
    layers = [nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(64 * (SIDE // 4) ** 2, 128), nn.ReLU(), nn.Linear(128, CLASSES))


def site_data(site, task):
    """Images [n, 3, 32, 32] and labels [n] of one site."""
    generator = torch.Generator().manual_seed(site)
    images = torch.rand(task["imagesPerSite"], 3, SIDE, SIDE, generator=generator)
    labels = torch.arange(task["imagesPerSite"]) % CLASSES
    return images.contiguous(memory_format=memory_format(task)), labels


def memory_format(task):
    return torch.channels_last if task["memoryFormat"] == "channels_last" else torch.contiguous_format


def train(net, images, labels, task):
    """A site's local training, one thread; returns the number of SGD steps."""
    net.to(memory_format=memory_format(task)).train()
    settings = {"lr": task["learningRate"], "momentum": task["momentum"], "foreach": True}
    optimizer = torch.optim.SGD(net.parameters(), **settings)
    loss = nn.CrossEntropyLoss()
    steps = 0
    for _ in range(task["epochs"]):
        for picked in torch.randperm(len(labels)).split(task["batchSize"]):
            optimizer.zero_grad()
            loss(net(images[picked]), labels[picked]).backward()
            optimizer.step()
            steps += 1
    # Parameters are exchanged as flat vectors, which views of the other format cannot give.
    net.to(memory_format=torch.contiguous_format)
    return steps


def tell(**event):
    print("@peer " + json.dumps(event), flush=True)


def ready(net):
    """To be called when the first round is about to begin."""
    tell(event="ready", parameters=sum(p.numel() for p in net.parameters()))


def done(steps, *packages):
    """To be called when the last round's model is there; `steps` of all sites and rounds."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", *packages)}
    tell(event="done", steps=steps, versions={"python": platform.python_version(), **versions})
