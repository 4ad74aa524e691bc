"""The gain at which gradients of gated cells neither vanish nor explode."""
