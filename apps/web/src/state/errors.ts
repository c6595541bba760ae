import { OpenGatewayError } from '@opengateway/core';

/** The person allowed this device only, and it has not loaded the model. */
export class ModelNotHereError extends OpenGatewayError {
  static override readonly name = 'ModelNotHereError';
  constructor(model: string) {
    super('model_not_here', `${model} is not loaded on this device.`);
  }
}

/** Another tab of this browser lends the device already. */
export class AnotherTabLendsError extends OpenGatewayError {
  static override readonly name = 'AnotherTabLendsError';
  constructor() {
    super('another_tab_lends', 'Another tab of this browser already lends this device.');
  }
}
