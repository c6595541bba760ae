/** WGSL of `gate · sigmoid(gate)`. The exponent is capped: shaders need not know infinity. */
export const SILU = /* wgsl */ `
fn silu(gate: f32) -> f32 { return gate / (1.0 + exp(min(-gate, 80.0))); }
`;
