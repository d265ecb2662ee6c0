"""Makes classifiers in PyTorch with random weights, exports them as ONNX and writes what PyTorch computes with them.

    torch_models.py FOLDER NAME...     writes FOLDER/NAME.onnx, NAME.json and NAME.bin for every name
    torch_models.py --list             prints the names, one a line, with the packages that each needs

NAME.json describes NAME.bin, which holds little-endian float32 values one after the other: the images, the logits and the
gradient of the mean cross-entropy with respect to each parameter, in evaluation mode (running statistics are constants). For
small models with batch normalisation the gradients of training mode follow, under names that start with "train:".
A name is MODEL, MODEL:opset12 (the version of the operator set), MODEL:dynamo (the newer exporter) or MODEL:merged (the same with
its optimiser, which merges batch normalisation into the convolutions, so that only the logits can be compared).
"""

import json
import pathlib
import sys
import warnings

import numpy
import torch
from torch import nn

warnings.filterwarnings("ignore")
CLASSES = 5


class Block(nn.Module):
    """Two convolutions with batch normalisation and a shortcut (He et al. 2016)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class TinyResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 7, 2, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.layer1 = Block(6, 6, 1)
        self.layer2 = Block(6, 10, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(10, CLASSES)

    def forward(self, x):
        return self.fc(torch.flatten(self.avgpool(self.layer2(self.layer1(self.stem(x)))), 1))


class TinyFire(nn.Module):
    """Squeeze and expand, pooling with ceil_mode, a convolution as the head (Iandola et al. 2016)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True))
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.expand1 = nn.Conv2d(4, 6, 1)
        self.expand3 = nn.Conv2d(4, 6, 3, padding=1)
        self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(12, CLASSES, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        x = torch.relu(self.squeeze(self.features(x)))
        x = torch.cat([torch.relu(self.expand1(x)), torch.relu(self.expand3(x))], 1)
        return torch.flatten(self.classifier(x), 1)


class TinyMobile(nn.Module):
    """Inverted residual with squeeze-and-excitation and hard activations (Howard et al. 2019), and SiLU."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.expand = nn.Sequential(nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(16, 16, 5, 1, 2, groups=16, bias=False), nn.BatchNorm2d(16), nn.SiLU())
        self.fc1 = nn.Conv2d(16, 4, 1)
        self.fc2 = nn.Conv2d(4, 16, 1)
        self.project = nn.Sequential(nn.Conv2d(16, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.classifier = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = self.stem(x)
        y = self.depthwise(self.expand(x))
        scale = torch.relu(self.fc1(y.mean((2, 3), keepdim=True)))
        y = y * nn.functional.hardsigmoid(self.fc2(scale))
        return self.classifier((x + self.project(y)).mean([2, 3]))


class TinyDense(nn.Module):
    """Dense connections, a transition with average pooling (Huang et al. 2017); leaky, parametric and transposed layers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=2, dilation=2)
        self.norm1 = nn.BatchNorm2d(6)
        self.conv1 = nn.Conv2d(6, 4, 3, padding=1)
        self.act = nn.PReLU(10)
        self.pool = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.up = nn.ConvTranspose2d(10, 6, 3, 2, 1, output_padding=1)
        self.group = nn.GroupNorm(2, 6)
        self.fc = nn.Linear(12, CLASSES)

    def forward(self, x):
        x = nn.functional.leaky_relu(self.stem(nn.functional.pad(x, (1, 0, 0, 1))), 0.1)
        x = torch.cat([x, self.conv1(torch.relu(self.norm1(x)))], 1)
        x = self.group(self.up(self.pool(self.act(x))))
        a, b = torch.tanh(x).mean((2, 3)), nn.functional.normalize(x.mean((2, 3)))
        return self.fc(torch.cat([a, b], 1))


def tiny_vit():
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(16, 8, 3, CLASSES, embed_dim=24, depth=2, num_heads=2, mlp_ratio=2)


def tiny_convnext():
    from timm.models.convnext import ConvNeXt

    return ConvNeXt(3, CLASSES, depths=(1, 1, 1, 1), dims=(8, 8, 12, 12), ls_init_value=0.5)


def torchvision_model(name):
    def make():
        import torchvision

        return getattr(torchvision.models, name)(num_classes=CLASSES)

    return make


def small_vgg():
    """The features of VGG-11 under a small classifier: the published one alone has half a gigabyte of weights."""
    import torchvision

    model = torchvision.models.vgg11_bn(num_classes=CLASSES, init_weights=False)
    model.avgpool = nn.AdaptiveAvgPool2d(1)
    model.classifier = nn.Sequential(nn.Linear(512, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, CLASSES))
    return model


def timm_model(name, **options):
    def make():
        import timm

        return timm.create_model(name, num_classes=CLASSES, **options)

    return make


# name → (how it is made, image dims, packages)
MODELS = {
    "tiny-resnet": (TinyResNet, (3, 24, 24), []),
    "tiny-fire": (TinyFire, (3, 24, 24), []),
    "tiny-mobile": (TinyMobile, (3, 16, 16), []),
    "tiny-dense": (TinyDense, (1, 13, 14), []),
    "tiny-vit": (tiny_vit, (3, 16, 16), ["timm"]),
    "tiny-convnext": (tiny_convnext, (3, 32, 32), ["timm"]),
    "resnet18": (torchvision_model("resnet18"), (3, 40, 40), ["torchvision"]),
    "resnet50": (torchvision_model("resnet50"), (3, 40, 40), ["torchvision"]),
    "densenet121": (torchvision_model("densenet121"), (3, 40, 40), ["torchvision"]),
    "mobilenet_v2": (torchvision_model("mobilenet_v2"), (3, 40, 40), ["torchvision"]),
    "mobilenet_v3_small": (torchvision_model("mobilenet_v3_small"), (3, 40, 40), ["torchvision"]),
    "efficientnet_b0": (torchvision_model("efficientnet_b0"), (3, 40, 40), ["torchvision"]),
    "squeezenet1_1": (torchvision_model("squeezenet1_1"), (3, 40, 40), ["torchvision"]),
    "vgg11_bn": (small_vgg, (3, 40, 40), ["torchvision"]),
    "convnext_atto": (timm_model("convnext_atto"), (3, 64, 64), ["timm"]),
    "vit_tiny": (timm_model("vit_tiny_patch16_224", img_size=64), (3, 64, 64), ["timm"]),
}
BATCH = 2


def randomise(model, generator):
    """Weights as an optimiser might leave them: every parameter and statistic differs from its initial value."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        # Attention's projections start at the scale that keeps activations in range; shifts and scales get noise of their own.
        parameter.data += (0.02 if parameter.dim() > 1 else 0.1) * noise
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer += 0.1 * torch.randn(buffer.shape, generator=generator)
        if name.endswith("running_var"):
            buffer *= 0.5 + torch.rand(buffer.shape, generator=generator)


def export(model, images, path, variant):
    if variant in ("dynamo", "merged"):
        # A fixed batch size and merged batch normalisation are the newer exporter's defaults.
        images = images[:1] if variant == "merged" else images
        keep = {"optimize": variant == "merged", "external_data": False, "verbose": False}
        torch.onnx.export(model, (images,), str(path), dynamo=True, **keep)
        return
    opset = int(variant.removeprefix("opset")) if variant else 17
    torch.onnx.export(
        *(model, (images,), str(path)),
        dynamo=False,
        opset_version=opset,
        input_names=["input"],
        dynamic_axes={"input": {0: "batch"}},
        # Batch normalisation must not be merged into the convolutions, whose weights would no longer be PyTorch's.
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )


def strip(path):
    """Without names of source files and lines, which exporters leave in every node."""
    import onnx

    model = onnx.load(path)
    model.doc_string = ""
    model.graph.doc_string = ""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    for part in (model.graph.node, model.graph.initializer, model.graph.input, model.graph.output):
        for item in part:
            item.doc_string = ""
            del item.metadata_props[:]
    onnx.save(model, path)


def make(folder, full_name):
    name, _, variant = full_name.partition(":")
    factory, dims, _ = MODELS[name]
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(2)
    model = factory()
    # Nothing is dropped: the comparison is of the deterministic part.
    for module in model.modules():
        if isinstance(module, nn.Dropout) or type(module).__name__ == "StochasticDepth":
            module.p = 0.0
    randomise(model, generator)
    model.eval()
    images = torch.randn((BATCH, *dims), generator=generator)
    labels = torch.arange(BATCH) % CLASSES
    stem = full_name.replace(":", "-")
    export(model, images, folder / f"{stem}.onnx", variant)
    strip(folder / f"{stem}.onnx")
    model.eval()
    logits = model(images)
    nn.functional.cross_entropy(logits, labels).backward()
    values = [("images", images), ("logits", logits)]
    values += [(key, value.grad.clone()) for key, value in model.named_parameters()]
    if name.startswith("tiny") and any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        model.zero_grad()
        model.train()
        nn.functional.cross_entropy(model(images), labels).backward()
        values += [(f"train:{key}", value.grad) for key, value in model.named_parameters()]
    arrays = [value.detach().numpy().astype("<f4") for _, value in values]
    offset = 0
    entries = []
    for (key, _), array in zip(values, arrays):
        entries.append({"name": key, "dims": list(array.shape), "offset": offset})
        offset += array.size
    numpy.concatenate([array.ravel() for array in arrays]).tofile(folder / f"{stem}.bin")
    (folder / f"{stem}.json").write_text(json.dumps({"labels": labels.tolist(), "values": entries}))


if __name__ == "__main__":
    if sys.argv[1] == "--list":
        for key, (_, _, packages) in MODELS.items():
            print(key, *packages)
    else:
        for requested in sys.argv[2:]:
            make(pathlib.Path(sys.argv[1]), requested)
