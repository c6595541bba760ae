/** Polynomial of IEEE 802.3, reflected. */
const POLYNOMIAL = 0xedb88320;

/** Four tables of 256: the second to fourth advance a byte by one to three places more (slicing by four). */
const TABLES = makeTables();

/** CRC-32 (IEEE 802.3, as in gzip) of `bytes`, going on from `previous`; an unsigned 32-bit integer. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  const [first, second, third, fourth] = TABLES;
  let crc = ~previous;
  let index = 0;
  for (const end = bytes.length - 3; index < end; index += 4) {
    crc ^=
      (bytes[index] as number) |
      ((bytes[index + 1] as number) << 8) |
      ((bytes[index + 2] as number) << 16) |
      ((bytes[index + 3] as number) << 24);
    crc =
      (fourth[crc & 0xff] as number) ^
      (third[(crc >>> 8) & 0xff] as number) ^
      (second[(crc >>> 16) & 0xff] as number) ^
      (first[crc >>> 24] as number);
  }
  for (; index < bytes.length; index++) {
    crc = (first[(crc ^ (bytes[index] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

function makeTables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const tables = [new Int32Array(256), new Int32Array(256), new Int32Array(256), new Int32Array(256)] as const;
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[0][byte] = crc;
  }
  for (let byte = 0; byte < 256; byte++) {
    for (let table = 1; table < 4; table++) {
      const before = (tables[table - 1] as Int32Array)[byte] as number;
      (tables[table] as Int32Array)[byte] = (tables[0][before & 0xff] as number) ^ (before >>> 8);
    }
  }
  return tables;
}
