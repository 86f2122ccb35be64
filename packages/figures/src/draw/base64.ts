/** Bytes as base64, without Node's Buffer. */
export function bytesToBase64(bytes: Uint8Array): string {
  let text = '';
  const step = 0x8000;
  for (let start = 0; start < bytes.length; start += step) {
    text += String.fromCharCode(...bytes.subarray(start, start + step));
  }
  return btoa(text);
}
