export const MODEL_PATH = new URL('../../models/smollm2-135m-instruct', import.meta.url).pathname;
/** As docs/PROTOCOL.md names it. */
export const ACTIVATIONS_PROTOCOL = '/opengateway/activations/1.0.0';
