// Checks of the audit log made in this browser, so that the server need not be believed: RFC 9162 inclusion and the
// signature of the tree's head. Formats: src/audit/README.md.
import type { Schema } from "@/api/client";

export type InclusionProof = Schema<"InclusionProof">;
export type AuditHead = Schema<"AuditHead">;
export type AuditKey = Schema<"AuditKey">;

type Bytes = Uint8Array<ArrayBuffer>;

const hex = (bytes: Bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function fromHex(text: string): Bytes {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Error("The proof holds something that is no hash.");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const fromBase64 = (text: string): Bytes => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

function joined(...parts: Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const sha256 = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const nodeHash = (left: Bytes, right: Bytes) => sha256(joined(Uint8Array.of(1), left, right));

/** The root that the proof leads to from its leaf (RFC 9162, 2.1.3.2). Throws where the path has a wrong length. */
export async function rootOf({ leaf, index, tree_size, path }: InclusionProof): Promise<string> {
  if (index >= tree_size) throw new Error("The record's place is outside the tree.");
  let hash = await sha256(joined(Uint8Array.of(0), fromBase64(leaf)));
  let node = BigInt(index);
  let last = BigInt(tree_size) - 1n;
  for (const step of path) {
    if (last === 0n) throw new Error("The proof is longer than the tree is high.");
    const sibling = fromHex(step);
    if (node & 1n || node === last) {
      hash = await nodeHash(sibling, hash);
      while (!(node & 1n) && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw new Error("The proof ends below the root.");
  return hex(hash);
}

function bigEndian(value: bigint): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** Microseconds since 1970 of a time with up to six digits of a second. */
export function microseconds(time: string): bigint {
  const fraction = /\.(\d{1,6})/.exec(time)?.[1] ?? "";
  const seconds = Math.floor(Date.parse(time.replace(/\.\d+/, "")) / 1000);
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
}

/** What the server signs of a head. */
export function headBytes(head: AuditHead): Bytes {
  const text = (value: string): Bytes => new TextEncoder().encode(value);
  const fields = [
    text("modelops-tree-head-v1"),
    text(head.organization_id),
    bigEndian(BigInt(head.tree_size)),
    fromHex(head.root_hash),
    bigEndian(microseconds(head.time)),
    text(head.key_id),
  ];
  return joined(...fields.flatMap((field) => [bigEndian(BigInt(field.length)), field]));
}

export async function headIsSigned(head: AuditHead, keys: readonly AuditKey[]): Promise<boolean> {
  const known = keys.find((key) => key.id === head.key_id);
  if (!known) return false;
  const key = await crypto.subtle.importKey("raw", fromBase64(known.public_key), "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, fromBase64(head.signature), headBytes(head));
}

export type Check = { name: string; holds: boolean; detail: string };

/** Every check of a record's proof, with what was found. */
export async function checkProof(proof: InclusionProof, keys: readonly AuditKey[]): Promise<Check[]> {
  const root = await rootOf(proof);
  const checks: Check[] = [
    {
      name: "The record is in the tree",
      holds: root === proof.root_hash,
      detail: `Leaf ${proof.index} of ${proof.tree_size} leads over ${proof.path.length} hashes to the root ${root}.`,
    },
  ];
  if (proof.head) {
    const same = proof.head.root_hash === root && proof.head.tree_size === proof.tree_size;
    checks.push(
      { name: "The tree's head has this root", holds: same, detail: `Head of ${proof.head.time}.` },
      {
        name: "The head is signed by a key of this organization",
        holds: await headIsSigned(proof.head, keys),
        detail: `Ed25519, key ${proof.head.key_id}.`,
      },
    );
  }
  return checks;
}
