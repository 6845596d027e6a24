"""The extended run: tiny models with real weights through transformers and diffusers."""

import numpy
import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from transformers import AutoModel, BertConfig, BertModel


def test_transformers_model(repo, tmp_path, api):
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(vocab_size=32, hidden_size=12, num_attention_heads=3, num_hidden_layers=2, intermediate_size=16)
    )
    model.save_pretrained(tmp_path / "model", push_to_hub=True, repo_id=repo)
    loaded = AutoModel.from_pretrained(repo, cache_dir=tmp_path / "cache")
    expected = model.state_dict()
    found = loaded.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert api.model_info(repo).safetensors.total == sum(p.numel() for p in model.parameters())


def test_diffusers_pipeline(repo, tmp_path):
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    pipeline = DDPMPipeline(unet, DDPMScheduler(num_train_timesteps=2))
    pipeline.save_pretrained(str(tmp_path / "pipeline"), push_to_hub=True, repo_id=repo)
    loaded = DDPMPipeline.from_pretrained(repo, cache_dir=tmp_path / "cache")

    expected = unet.state_dict()
    found = loaded.unet.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)

    def draw(which):
        return which(num_inference_steps=2, generator=torch.Generator().manual_seed(1), output_type="np").images

    assert numpy.allclose(draw(loaded), draw(pipeline), atol=1e-5)
