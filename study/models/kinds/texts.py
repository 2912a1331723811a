"""Texts are read by encoders, or by any other language model without its head."""

from study.models.kinds.base import TextReader

READER = TextReader()
