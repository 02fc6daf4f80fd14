"""How a network's weights are stored: as a safetensors file in a named store, never inline, never a pickle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import datajoint as dj

if TYPE_CHECKING:
    from torch import Tensor


class CorruptFileError(Exception):
    """A stored file is not what was written."""


@dataclass(frozen=True)
class Weights:
    """Stored weights, read only when asked for."""

    path: str
    sha256: str
    size: int
    _backend: Any

    def load(self) -> dict[str, Tensor]:
        """The tensors by name. Raises CorruptFileError where the file is not the one that was written."""
        import safetensors.torch

        content = self._backend.get_buffer(self.path)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise CorruptFileError(f"{self.path}: SHA-256 differs from the one in the database, {self.sha256}")
        return safetensors.torch.load(content)

    def remove(self) -> None:
        """Remove the file, whose row is gone."""
        self._backend.remove(self.path)


class SafetensorsCodec(dj.SchemaCodec):
    """`<safetensors@store>`: takes a mapping of names to tensors, gives `Weights`."""

    name = "safetensors"

    def validate(self, value: Any) -> None:
        from torch import Tensor

        if not isinstance(value, Mapping) or not all(isinstance(tensor, Tensor) for tensor in value.values()):
            raise TypeError(f"<safetensors> takes a mapping of names to tensors, not {type(value).__name__}")

    def encode(
        self,
        value: Mapping[str, Tensor],
        *,
        key: dict | None = None,
        context: dict | None = None,
        store_name: str | None = None,
    ) -> dict:
        import safetensors.torch

        content = safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in value.items()})
        config = self._codec_config(key, context)
        location = self._extract_context(key, context)
        path, _ = self._build_path(*location, ext=".safetensors", store_name=store_name, config=config)
        backend = self._get_backend(store_name, config=config)
        try:
            backend.put_buffer(content, path)
        except OSError:
            backend.remove(f"{path}.saving")  # as which DataJoint begins a file, and leaves it on a full disk
            raise
        digest = hashlib.sha256(content).hexdigest()
        return {"path": path, "store": store_name, "size": len(content), "sha256": digest}

    def decode(self, stored: dict, *, key: dict | None = None, context: dict | None = None) -> Weights:
        backend = self._get_backend(stored.get("store"), config=self._codec_config(key, context))
        return Weights(stored["path"], stored["sha256"], stored["size"], backend)
