/** Requests that are nearly right: values of a valid request replaced, removed, doubled or grown, by a seed. */

/** Mulberry32: a small generator whose stream a seed fixes. @param {number} seed */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const strange = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  0.5,
  1e308,
  -1e-320,
  2 ** 31,
  2 ** 53,
  '',
  ' ',
  'x'.repeat(300),
  '\u0000',
  '../../etc/passwd',
  '%00',
  '\ud800',
  '𝛔',
  'NaN',
  'Infinity',
  '__proto__',
  'constructor',
  [],
  {},
  [[]],
  [null],
  { from: 0, to: 1, count: 2 },
  { from: 1, to: 0, step: -1 },
  { count: -1 },
  { indices: [5, 5] },
  Array(300).fill(1),
  JSON.parse('{"__proto__":{"admin":true}}'),
];

/** One to three changes of a JSON value, which itself stays as it is. */
export function mutated(value, random) {
  const root = { root: structuredClone(value) };
  const changes = 1 + Math.floor(3 * random());
  for (let change = 0; change < changes; change++) {
    const places = [];
    const collect = (holder) => {
      for (const key of Object.keys(holder)) {
        places.push([holder, key]);
        if (typeof holder[key] === 'object' && holder[key] !== null) collect(holder[key]);
      }
    };
    collect(root);
    const [holder, key] = places[Math.floor(random() * places.length)];
    const kind = random();
    if (kind < 0.6) holder[key] = structuredClone(strange[Math.floor(random() * strange.length)]);
    else if (kind < 0.75 && holder !== root) delete holder[key];
    else if (kind < 0.85 && Array.isArray(holder[key])) holder[key] = [...holder[key], ...holder[key]];
    else if (kind < 0.95 && typeof holder[key] === 'number')
      holder[key] *= [-1, 10, 1e6, 0.3][Math.floor(random() * 4)];
    else if (!Array.isArray(holder))
      holder[`${key}${String.fromCharCode(97 + Math.floor(26 * random()))}`] = holder[key];
  }
  return root.root;
}

/** A file cut short, with some bytes changed, or with a part of it twice. @param {Buffer} bytes */
export function mutatedBytes(bytes, random) {
  const place = () => Math.floor(random() * bytes.length);
  const kind = random();
  if (kind < 0.3) return bytes.subarray(0, place());
  if (kind < 0.4) {
    const [from, to] = [place(), place()].sort((a, b) => a - b);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  }
  const changed = Buffer.from(bytes);
  for (let change = 1 + Math.floor(3 * random()); change > 0; change--)
    changed[place()] = Math.floor(256 * random());
  return changed;
}

/** Text that a path or a query is made to hold. */
export function strangeText(random) {
  const value = strange[Math.floor(random() * strange.length)];
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return encodeURIComponent(text.toWellFormed());
}
