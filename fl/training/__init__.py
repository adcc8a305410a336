"""Training of many federated clients as one computation, with PyTorch (the extra ``fl``)."""

from ...models.input_error import InputError

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    raise InputError("training needs torch: pip install 'fedmech[fl]'") from error
