import { OpenGatewayError, errorCode } from '@opengateway/core';
import { ContextLengthExceededError, UnsupportedModelError } from '../errors.ts';
import { StorageFullError } from '../../storage/errors.ts';
import { DeviceLostError, GpuUnavailableError } from '../webgpu/errors.ts';
import {
  GpuFeatureMissingError,
  InvalidPackageError,
  PackageMemoryError,
  PackageUnavailableError,
  WebLlmFailedError,
} from './errors.ts';

interface Failure {
  readonly name: string;
  readonly message: string;
  readonly cause: unknown;
}

type Rule = readonly [matches: (failure: Failure) => boolean, make: (failure: Failure) => OpenGatewayError];

const named =
  (...names: readonly string[]) =>
  ({ name }: Failure): boolean =>
    names.includes(name);
const saying =
  (pattern: RegExp) =>
  ({ message }: Failure): boolean =>
    pattern.test(message);

/** First that fits. Names are those of the library's `error.ts`; sentences those of it, its runtime and Chromium. */
const RULES: readonly Rule[] = [
  [named('ShaderF16SupportError'), ({ cause }) => new GpuFeatureMissingError('shader-f16', { cause })],
  // What compiling half-precision kernels says where the list did not ask for the feature.
  [
    saying(/'f16' type used without|extension 'f16'|shader-f16/i),
    ({ cause }) => new GpuFeatureMissingError('shader-f16', { cause }),
  ],
  [
    named('FeatureSupportError'),
    ({ message, cause }) => new GpuFeatureMissingError(/feature ([\w-]+)/.exec(message)?.[1] ?? 'a feature', { cause }),
  ],
  // Its sentence speaks of memory; what is known is that the device is gone.
  [
    named('DeviceLostError'),
    () => new DeviceLostError('unknown', 'while the model was loaded, most often for lack of memory'),
  ],
  [
    saying(/out of memory|OutOfMemory|allocation failed|could not allocate|cannot enlarge memory/i),
    ({ cause }) => new PackageMemoryError({ cause }),
  ],
  [saying(/device (is|was) lost|lost the device/i), ({ message }) => new DeviceLostError('unknown', message)],
  [
    named('WebGPUNotAvailableError', 'WebGPUNotFoundError'),
    ({ cause }) => new GpuUnavailableError('This browser offers WebLLM no GPU.', { cause }),
  ],
  [
    saying(/find a compatible GPU|cannot initialize runtime because of requested/i),
    ({ message, cause }) => new GpuUnavailableError(`WebLLM cannot use this GPU: ${message}`, { cause }),
  ],
  [named('QuotaExceededError'), ({ cause }) => new StorageFullError({ cause })],
  [named('IntegrityError'), ({ message, cause }) => new InvalidPackageError(message, { cause })],
  [named('ContextWindowSizeExceededError'), ({ message }) => contextExceeded(message)],
  [
    named('ModelNotFoundError', 'MissingModelWasmError', 'UnsupportedModelIdError'),
    ({ message }) => new UnsupportedModelError(message),
  ],
  [
    named(
      'UnsupportedTokenizerFilesError',
      'WindowSizeConfigurationError',
      'WindowSizeSpecificationError',
      'AttentionSinkSizeError',
      'ArtifactManifestError',
    ),
    ({ message, cause }) => new InvalidPackageError(`WebLLM cannot use the package: ${message}`, { cause }),
  ],
  [
    named('CompileError', 'LinkError'),
    ({ message, cause }) =>
      new InvalidPackageError(`The model library is not one that this WebLLM runs: ${message}`, { cause }),
  ],
  [
    named('SyntaxError'),
    ({ message, cause }) =>
      new InvalidPackageError(`A file of the package is not what it should be: ${message}`, { cause }),
  ],
  [
    saying(
      /failed to fetch|cannot fetch|networkerror|network error|load failed|request failed|failed to execute '(add|addAll|fetch)'/i,
    ),
    ({ message, cause }) =>
      new PackageUnavailableError(`A file of the package could not be fetched: ${message}`, { cause }),
  ],
];

/**
 * What a failure of the library means. Its errors carry no code: they are told by name, and by their
 * sentence where they are plain errors or strings (as its own worker and its abort give them).
 */
export function classifyFailure(cause: unknown): OpenGatewayError {
  if (cause instanceof Error && errorCode(cause) !== undefined) return cause as OpenGatewayError;
  const failure = readFailure(cause);
  for (const [matches, make] of RULES) if (matches(failure)) return make(failure);
  return new WebLlmFailedError(failure.message, { cause });
}

/** `Name: message`, as errors that crossed a worker as strings look, is read as both. */
function readFailure(cause: unknown): Failure {
  const { name, message } = (typeof cause === 'object' && cause !== null ? cause : {}) as Partial<Error>;
  const text =
    typeof message === 'string' ? message : typeof cause === 'object' ? 'no reason was given' : String(cause);
  const [, crossedName, crossedMessage] = /^(?:Error: )?([A-Z]\w*Error): (.*)$/s.exec(text) ?? [];
  if (crossedName !== undefined && (name === undefined || name === 'Error')) {
    return { name: crossedName, message: crossedMessage ?? '', cause };
  }
  return { name: typeof name === 'string' ? name : 'Error', message: text, cause };
}

function contextExceeded(message: string): ContextLengthExceededError {
  const [wanted = 0, most = 0] = Array.from(message.matchAll(/: (\d+)/g), ([, digits]) => Number(digits));
  return new ContextLengthExceededError(wanted, most);
}
