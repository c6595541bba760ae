/** Keys of a GGUF's metadata; published files have 20 to 60. */
export const MAX_GGUF_METADATA_KEYS = 4_096;

/** Bytes of a metadata key; real ones are under 64. */
export const MAX_GGUF_KEY_BYTES = 1_024;

/** Bytes of one string in a GGUF; the longest real ones are chat templates of some 10 KB. */
export const MAX_GGUF_STRING_BYTES = 1_048_576;

/** Elements of one array in a GGUF; the largest real ones are vocabularies of 262,144. */
export const MAX_GGUF_ARRAY_LENGTH = 4_194_304;

/** Elements of all arrays of a GGUF together: they are boxed, so this bounds memory. */
export const MAX_GGUF_ARRAY_ELEMENTS = 8_388_608;

/** Arrays inside arrays. */
export const MAX_GGUF_NESTING_DEPTH = 4;

/** Bytes of a GGUF before its tensor data; a vocabulary of 262,144 takes some 12 MB. */
export const MAX_GGUF_HEADER_BYTES = 67_108_864;

/** Tensors of one GGUF; as many as a manifest may list. */
export const MAX_GGUF_TENSORS = 65_536;

/** Bytes of a tensor's name; as many as a manifest allows. */
export const MAX_GGUF_TENSOR_NAME_BYTES = 200;

/** Dimensions of a tensor, as in ggml. */
export const MAX_GGUF_DIMENSIONS = 4;

/** Largest `general.alignment` accepted; the usual one is 32. */
export const MAX_GGUF_ALIGNMENT = 1_048_576;

/** Size of the first piece read of a GGUF; each later piece is twice the one before. */
export const FIRST_GGUF_PIECE_BYTES = 65_536;

/** Largest piece read ahead of a GGUF's header at once. */
export const LARGEST_GGUF_PIECE_BYTES = 1_048_576;

/** Bytes of an encoded manifest: enough for the chunk hashes of a 400 GB model. */
export const MAX_MANIFEST_BYTES = 33_554_432;

/** Verified chunks a tensor reader keeps; engines read a layer's tensors out of file order. */
export const DEFAULT_HELD_CHUNKS = 8;

/** Chunks a tensor reader asks for ahead of its consumer, so that I/O and hashing overlap with it. */
export const DEFAULT_READ_AHEAD_CHUNKS = 3;

/** Largest buffer for ranges over several chunks that a tensor reader keeps between reads. */
export const MAX_KEPT_RANGE_BYTES = 4_194_304;

/** Files of one package in a catalogue. */
export const MAX_PACKAGE_FILES = 1_024;

/** Chunks of one package in a catalogue: 8 GiB, whose hashes are 550 KB of every `/bootstrap`. */
export const MAX_PACKAGE_CHUNKS = 8_192;
