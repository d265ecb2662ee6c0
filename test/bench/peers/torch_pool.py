"""The speed comparison's PyTorch: a pool of processes, each with a model of its own, and a weighted mean."""

import torch
import torch.multiprocessing as multiprocessing
from torch.nn.utils import parameters_to_vector, vector_to_parameters

import common

net = common.model()


def start_worker():
    torch.set_num_threads(1)


def train_site(site, weights, task):
    vector_to_parameters(weights, net.parameters())
    images, labels = common.site_data(site, task)
    steps = common.train(net, images, labels, task)
    return parameters_to_vector(net.parameters()).detach(), len(labels), steps


def main(task):
    weights = parameters_to_vector(net.parameters()).detach()
    steps = 0
    with multiprocessing.get_context("fork").Pool(task["workers"], start_worker) as pool:
        common.ready(net)
        for _ in range(task["rounds"]):
            total, count = torch.zeros_like(weights), 0
            jobs = [pool.apply_async(train_site, (site, weights, task)) for site in range(task["sites"])]
            for job in jobs:
                trained, examples, made = job.get()
                total.add_(trained, alpha=examples)
                count += examples
                steps += made
            weights = total / count
        common.done(steps)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(common.TASK)
