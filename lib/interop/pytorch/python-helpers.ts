// Functions that a generated module needs besides nn's own.

/** Steps that do not count are moved behind the others, so that they can be packed: their place in the row does not matter to the state. */
export const runGru = `
def run(gru, x, mask):
    """y [B, T, D * H], 0 at steps that do not count, and the last states [D, B, H]."""
    if mask is None:
        return gru(x)
    order = torch.argsort((~mask).int(), dim=1, stable=True)
    lengths = mask.sum(1)
    moved = torch.gather(x, 1, order.unsqueeze(2).expand(-1, -1, x.shape[2]))
    # a row without any step is run for one, and its result left out
    packed = pack_padded_sequence(moved, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
    y, h = gru(packed)
    y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
    y = torch.zeros_like(y).scatter(1, order.unsqueeze(2).expand(-1, -1, y.shape[2]), y)
    return y.masked_fill(~mask.unsqueeze(2), 0), h.masked_fill((lengths == 0).view(1, -1, 1), 0)
`

export const hold = `
def hold(y, mask):
    """At a step that does not count: the output of the step before it that does."""
    if mask is None:
        return y
    steps = torch.arange(y.shape[1], device=y.device)
    last = torch.where(mask, steps, -1).cummax(1).values
    held = torch.gather(y, 1, last.clamp(min=0).unsqueeze(2).expand_as(y))
    return held.masked_fill((last < 0).unsqueeze(2), 0)
`

export const flip = `
def flip(x):
    return None if x is None else x.flip(1)
`

/** A path that nn.Module's own attributes cannot get in the way of. */
const taken = new Set(
  (
    'T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr float forward ' +
    'get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia named_buffers named_children named_modules ' +
    'named_parameters parameters register_backward_hook register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook ' +
    'register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter ' +
    'register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty ' +
    'train training type xpu zero_grad False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
)

/** `self.gru`, or `self._modules['my-gru']` where the name is none for an attribute. */
export function attribute(name: string): string {
  return /^[A-Za-z][A-Za-z0-9_]*$/.test(name) && !taken.has(name) ? `self.${name}` : `self._modules['${name}']`
}
