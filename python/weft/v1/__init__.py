"""The contract between controller and data plane, generated from `proto/weft/v1` at build time."""
