"""The speed comparison's BlazeFL: its FedAvg handler and its pool of threads, with momentum added to the local training."""

import logging
import threading
from enum import StrEnum

import torch
from blazefl.contrib.fedavg import FedAvgBaseServerHandler, FedAvgThreadPoolClientTrainer, FedAvgUplinkPackage
from blazefl.core import ModelSelector, PartitionedDataset, deserialize_model, serialize_model

import common

SEED = 1


class Name(StrEnum):
    CNN = "CNN"


class Selector(ModelSelector[Name]):
    def select_model(self, model_name):
        return common.model()


class Sites(PartitionedDataset):
    """Hands out whole tensors in place of a loader; `train` below cuts the batches."""

    def __init__(self, task):
        self.parts = [common.site_data(site, task) for site in range(task["sites"])]

    def get_dataset(self, type_, cid):
        return self.parts[cid]

    def set_dataset(self, type_, cid, dataset):
        raise NotImplementedError

    def get_dataloader(self, type_, cid, batch_size, generator):
        return self.parts[cid]


class Trainer(FedAvgThreadPoolClientTrainer):
    steps = 0
    lock = threading.Lock()

    def train(self, model, model_parameters, train_loader, device, epochs, lr, stop_event, cid):
        deserialize_model(model, model_parameters)
        images, labels = train_loader
        made = common.train(model, images, labels, common.TASK)
        with self.lock:
            self.steps += made
        return FedAvgUplinkPackage(cid, serialize_model(model), len(labels))

    def progress_fn(self, it):
        return it


def main(task):
    torch.set_num_threads(1)
    logging.disable()
    shared = {"model_selector": Selector(), "model_name": Name.CNN, "dataset": Sites(task), "device": "cpu"}
    shared |= {"num_clients": task["sites"], "batch_size": task["batchSize"], "seed": SEED}
    handler = FedAvgBaseServerHandler(global_round=task["rounds"], sample_ratio=1.0, **shared)
    settings = {"epochs": task["epochs"], "lr": task["learningRate"], "num_parallels": task["workers"]}
    trainer = Trainer(**settings, **shared)
    common.ready(handler.model)
    while not handler.if_stop():
        trainer.local_process(handler.downlink_package(), handler.sample_clients())
        for package in trainer.uplink_package():
            handler.load(package)
    common.done(trainer.steps, "blazefl")


if __name__ == "__main__":
    main(common.TASK)
