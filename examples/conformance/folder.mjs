// Read the cases and operations of a folder that `python -m tf_ssd.audit --export FOLDER` wrote. What cannot be used is an
// Unusable, whose message names the file and says what to do.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const VERSION = 4;
const TYPES = { cases: ["loss", "coder"], operations: ["operation"] };
const SPELLED = { NaN, Infinity, "-Infinity": -Infinity }; // what JSON has no number for

export class Unusable extends Error {}

export function demand(condition, otherwise) {
  if (!condition) throw new Unusable(otherwise);
}

// What `use` returns; what it finds unusable is said with the name of the file.
export function about(file, use) {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    throw new Unusable(`${file}: ${error.message}; export the folder again: python -m tf_ssd.audit --export FOLDER`);
  }
}

// The version of the specification, and {file, vector} of each case and then of each operation.
export function readFolder(folder) {
  const index = readIndex(join(folder, "index.json"));
  const listed = Object.keys(TYPES).flatMap((kind) => index[kind].map((name) => [kind, name]));
  const vectors = listed.map(([kind, name]) => {
    const file = join(folder, kind, `${name}.json`);
    return { file, vector: readVector(file, kind, name) };
  });
  return { specification: index.specification, vectors };
}

function readIndex(file) {
  return about(file, () => {
    const index = readObject(file);
    demand(index.version === VERSION, `version ${JSON.stringify(index.version)}, where the number ${VERSION} is known`);
    for (const kind in TYPES) {
      const names = index[kind];
      const plain = Array.isArray(names) && names.every((name) => typeof name === "string" && /^[A-Za-z0-9._-]+$/.test(name));
      demand(plain, `"${kind}" is no list of names`);
      demand(new Set(names).size === names.length, `"${kind}" lists a name twice`);
    }
    demand(index.cases.length + index.operations.length > 0, "it lists no vectors");
    return index;
  });
}

function readVector(file, kind, name) {
  return about(file, () => {
    const vector = readObject(file);
    const types = TYPES[kind];
    demand(types.includes(vector.type), `type ${JSON.stringify(vector.type)}, where ${types.join(" or ")} is known`);
    demand(vector.name === name, `holds the vector ${JSON.stringify(vector.name)}`);
    return vector;
  });
}

function readObject(file) {
  let value;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file)));
  } catch (error) {
    throw new Unusable(`cannot be read (${error.message.split(/, |\n/)[0]})`);
  }
  demand(value !== null && typeof value === "object", "is no JSON object");
  return value;
}

// An array of a file as nested arrays.
export function nested(array) {
  const { shape, values } = array ?? {};
  demand(Array.isArray(shape) && Array.isArray(values), "an array is missing, or has no shape or values");
  const size = shape.reduce((product, length) => product * length, 1);
  demand(shape.every((length) => length >= 0) && size === values.length, `shape [${shape}] does not fit ${values.length} values`);
  return rows(shape, values.map(number));
}

function rows([first, ...rest], values) {
  if (first === undefined) return values[0];
  const size = rest.reduce((product, length) => product * length, 1);
  return Array.from({ length: first }, (_, k) => rows(rest, values.slice(k * size, (k + 1) * size)));
}

export function number(value) {
  const found = typeof value === "string" ? SPELLED[value] : value;
  demand(typeof found === "number", `${JSON.stringify(value)} is no number`);
  return found;
}
