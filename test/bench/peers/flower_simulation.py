"""The speed comparison's Flower: its simulation engine (Ray) with one client a core, and its FedAvg."""

import logging

import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

import common


def client_of(task):
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        torch.set_num_threads(1)
        net = common.model()
        net.load_state_dict(message.content["arrays"].to_torch_state_dict())
        images, labels = common.site_data(int(context.node_config["partition-id"]), task)
        steps = common.train(net, images, labels, task)
        metrics = MetricRecord({"num-examples": len(labels), "steps": steps})
        arrays = ArrayRecord(net.state_dict())
        return Message(content=RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)

    return app


class TimedFedAvg(FedAvg):
    """Says when the first round begins and when the last one has been aggregated."""

    steps = 0

    def configure_train(self, server_round, arrays, config, grid):
        messages = list(super().configure_train(server_round, arrays, config, grid))
        if server_round == 1:
            common.ready(common.model())
        return messages

    def aggregate_train(self, server_round, replies):
        replies = list(replies)
        result = super().aggregate_train(server_round, replies)
        self.steps += sum(int(r.content["metrics"]["steps"]) for r in replies if r.has_content())
        if server_round == common.TASK["rounds"]:
            common.done(self.steps, "flwr", "ray")
        return result


def server_of(task):
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        # Both minima: else the first round begins with the few clients that have registered by then.
        everyone = {"min_train_nodes": task["sites"], "min_available_nodes": task["sites"]}
        strategy = TimedFedAvg(fraction_train=1.0, fraction_evaluate=0.0, **everyone)
        arrays = ArrayRecord(common.model().state_dict())
        strategy.start(grid=grid, initial_arrays=arrays, num_rounds=task["rounds"])

    return app


if __name__ == "__main__":
    logging.disable()
    run_simulation(
        server_app=server_of(common.TASK),
        client_app=client_of(common.TASK),
        num_supernodes=common.TASK["sites"],
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {"num_cpus": common.TASK["workers"], "include_dashboard": False},
        },
    )
