"""The teacher's logits and attention maps for each batch, computed or stored."""
