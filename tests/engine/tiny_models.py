"""Depth networks of each family with a few thousand random weights, saved as their authors save theirs."""

import json
from pathlib import Path

import torch
import transformers

DINO = {
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "patch_size": 14,
    "image_size": 56,
}
DINO |= {"out_indices": [1, 2, 3, 4], "apply_layernorm": True, "reshape_hidden_states": False}
ANYTHING = {
    "reassemble_hidden_size": 16,
    "neck_hidden_sizes": [4, 4, 8, 8],
    "fusion_hidden_size": 8,
    "head_hidden_size": 4,
}


def anything(kind: str, **more):
    config = getattr(transformers, f"{kind}Config")(
        backbone_config=transformers.Dinov2Config(**DINO),
        depth_estimation_type="metric",
        max_depth=20,
        **ANYTHING,
        **more,
    )
    return getattr(transformers, f"{kind}ForDepthEstimation")(config)


def zoedepth():
    backbone = transformers.BeitConfig(
        image_size=64,
        num_hidden_layers=4,
        hidden_size=16,
        intermediate_size=32,
        num_attention_heads=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
        use_relative_position_bias=True,
    )
    config = transformers.ZoeDepthConfig(
        backbone_config=backbone,
        backbone_hidden_size=16,
        reassemble_factors=[4, 2, 1, 0.5],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        bottleneck_features=8,
        num_attractors=[4, 2, 2, 1],
        bin_embedding_dim=8,
        num_relative_features=4,
        bin_configurations=[{"n_bins": 4, "min_depth": 0.001, "max_depth": 10.0, "name": "nyu"}],
    )
    return transformers.ZoeDepthForDepthEstimation(config)


def depth_pro():
    size = 16
    vit = {
        "model_type": "dinov2",
        "num_hidden_layers": 2,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "patch_size": 4,
    }
    vit |= {"image_size": size, "intermediate_size": 32}
    config = transformers.DepthProConfig(
        patch_size=size,
        fusion_hidden_size=16,
        intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[16, 8],
        scaled_images_ratios=[0.5, 1.0],
        scaled_images_overlap_ratios=[0.0, 0.2],
        scaled_images_feature_dims=[16, 8],
        num_fov_head_layers=0,
        use_fov_model=True,
        image_model_config=vit,
        patch_model_config=vit,
        fov_model_config=vit,
    )
    return transformers.DepthProForDepthEstimation(config)


FAMILIES = {
    "depth_anything": lambda: anything("DepthAnything"),
    "prompt_depth_anything": lambda: anything("PromptDepthAnything"),
    "zoedepth": zoedepth,
    "depth_pro": depth_pro,
}
PROCESSORS = {
    "depth_anything": {
        "size": {"height": 56, "width": 56},
        "ensure_multiple_of": 14,
        "keep_aspect_ratio": True,
    },
    "prompt_depth_anything": {
        "size": {"height": 56, "width": 56},
        "ensure_multiple_of": 14,
        "keep_aspect_ratio": True,
    },
    "zoedepth": {
        "size": {"height": 64, "width": 64},
        "ensure_multiple_of": 32,
        "keep_aspect_ratio": True,
        "do_pad": True,
    },
    "depth_pro": {"size": {"height": 32, "width": 32}},
}


FOV_DEGREES = 55.0


def save(family: str, folder: Path) -> Path:
    """A model of a family, from a fixed seed."""
    torch.manual_seed(3)
    module = FAMILIES[family]().eval()
    with (
        torch.no_grad()
    ):  # as they are made the weights are so small that every picture gives the same
        for name, weights in module.named_parameters():
            if not name.startswith("fov_model"):
                weights.add_(torch.randn_like(weights), alpha=0.15)
        if family == "depth_pro":  # whatever the picture shows
            module.fov_model.head.layers[-1].weight.zero_()
            module.fov_model.head.layers[-1].bias.fill_(FOV_DEGREES)
            module.head.layers[-2].bias.fill_(0.4)
    module.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSORS[family]))
    return folder
