// Zip archives: read entry by entry where they lie, and written without compression.

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const COMMENT_BYTES = 0xffff;
const ZIP64 = 0xffffffff;
const ENCRYPTED = 1;
const UTF8 = 0x800;

const viewOf = async (blob) => new DataView(await blob.arrayBuffer());

/** Where the central directory lies: [offset, bytes, entries]. Throws an Error that says why the file cannot be read here. */
async function directoryOf(file) {
  const tail = Math.max(0, file.size - END_BYTES - COMMENT_BYTES);
  const view = await viewOf(file.slice(tail));
  for (let at = view.byteLength - END_BYTES; at >= 0; at -= 1) {
    if (view.getUint32(at, true) !== END) continue;
    const [entries, size, offset] = [view.getUint16(at + 10, true), view.getUint32(at + 12, true), view.getUint32(at + 16, true)];
    if (offset === ZIP64 || entries === 0xffff || offset + size > tail + at) break;
    return [offset, size, entries];
  }
  throw new Error("this zip archive cannot be opened here");
}

/** The content of an entry, at most as many bytes as its header says. */
async function contentOf(file, { offset, packed, size, method }) {
  const header = await viewOf(file.slice(offset, offset + 30));
  if (header.byteLength < 30 || header.getUint32(0, true) !== LOCAL) throw new Error("an entry of the zip archive is damaged");
  const start = offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const data = file.slice(start, start + packed);
  if (method === 0) return data;
  const reader = data.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const pieces = [];
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(pieces);
    bytes += value.byteLength;
    if (bytes > size) {
      await reader.cancel();
      throw new Error("an entry of the zip archive is larger than it says");
    }
    pieces.push(value);
  }
}

/** The files of a zip archive: [{path, size, read}], read() resolving to a Blob. Throws an Error where it needs ZIP64 or a password. */
export async function readZip(file) {
  const [start, bytes, entries] = await directoryOf(file);
  const view = await viewOf(file.slice(start, start + bytes));
  const found = [];
  for (let at = 0, number = 0; number < entries; number += 1) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== CENTRAL) throw new Error("the directory of the zip archive is damaged");
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [packed, size, offset] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true), view.getUint32(at + 42, true)];
    const [nameBytes, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    const name = new Uint8Array(view.buffer, at + 46, Math.min(nameBytes, view.byteLength - at - 46));
    const path = new TextDecoder(flags & UTF8 ? "utf-8" : "windows-1252").decode(name);
    if (flags & ENCRYPTED) throw new Error("the zip archive is encrypted");
    if (![0, 8].includes(method)) throw new Error("the zip archive uses a compression that cannot be read here");
    if (!path.endsWith("/")) found.push({ path, size, read: () => contentOf(file, { offset, packed, size, method }) });
    at += 46 + nameBytes + extra + comment;
  }
  return found;
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

const crc32 = (bytes) => {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = CRC[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
};

/** Little-endian numbers: [[bytes, value], ...]. */
function packed(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return view.buffer;
}

/** A zip archive, as a Blob, of files [{path, file}] as they are: pictures do not compress. */
export async function writeZip(files) {
  const content = [];
  const directory = [];
  let offset = 0;
  let directoryBytes = 0;
  for (const { path, file } of files) {
    const name = new TextEncoder().encode(path);
    const sizes = [[4, crc32(new Uint8Array(await file.arrayBuffer()))], [4, file.size], [4, file.size]];
    const common = [[2, 20], [2, UTF8], [2, 0], [2, 0], [2, 0x21], ...sizes, [2, name.length], [2, 0]];
    content.push(packed([[4, LOCAL], ...common]), name, file);
    directory.push(packed([[4, CENTRAL], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), name);
    offset += 30 + name.length + file.size;
    directoryBytes += 46 + name.length;
  }
  const end = packed([[4, END], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, directoryBytes], [4, offset], [2, 0]]);
  return new Blob([...content, ...directory, end], { type: "application/zip" });
}
