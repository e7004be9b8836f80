"""The teacher's logits and maps for each batch, computed or stored."""
