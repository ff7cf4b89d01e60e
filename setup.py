"""What pip builds: the packages below layers/, and the models that ship, so that they can classify without a service.

Everything else about the project is in pyproject.toml.
"""

from setuptools import find_packages, setup

MODELS = ("galaxy", "image", "star")

setup(
    packages=[*find_packages("layers"), *(f"skysort_cli.models.{model}" for model in MODELS)],
    package_dir={"": "layers", **{f"skysort_cli.models.{model}": f"functions/{model}/model" for model in MODELS}},
    package_data={f"skysort_cli.models.{model}": ["card.json", "*.onnx", "*.ubj"] for model in MODELS},
)
