import { expect, test } from "vitest";
import {
  type AuditHead,
  checkProof,
  headBytes,
  headIsSigned,
  type InclusionProof,
  microseconds,
  rootOf,
} from "./proof";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (bytes: ArrayBuffer | Uint8Array) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const sha256 = async (...parts: number[][]) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(parts.flat())));

/** The Merkle tree hash of RFC 9162, 2.1.1, and the path to one leaf, written as the text defines them. */
async function treeHash(leaves: number[][]): Promise<number[]> {
  if (leaves.length === 1) return [...(await sha256([0], leaves[0]!))];
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return [...(await sha256([1], await treeHash(leaves.slice(0, k)), await treeHash(leaves.slice(k))))];
}
async function pathTo(index: number, leaves: number[][]): Promise<number[][]> {
  if (leaves.length === 1) return [];
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return index < k
    ? [...(await pathTo(index, leaves.slice(0, k))), await treeHash(leaves.slice(k))]
    : [...(await pathTo(index - k, leaves.slice(k))), await treeHash(leaves.slice(0, k))];
}
async function proofOf(index: number, size: number): Promise<InclusionProof> {
  const leaves = Array.from({ length: size }, (_, i) => [i, 7, i]);
  return {
    record: "aud_1",
    leaf: base64(Uint8Array.from(leaves[index]!)),
    leaf_hash: hex(await sha256([0], leaves[index]!)),
    index,
    tree_size: size,
    root_hash: hex(Uint8Array.from(await treeHash(leaves))),
    path: (await pathTo(index, leaves)).map((hash) => hex(Uint8Array.from(hash))),
  };
}

test("every leaf of trees of 1 to 20 leads to the root", async () => {
  for (let size = 1; size <= 20; size++) {
    for (let index = 0; index < size; index++) {
      const proof = await proofOf(index, size);
      expect(await rootOf(proof)).toBe(proof.root_hash);
    }
  }
});

test("a changed leaf, a changed path and another place lead elsewhere or nowhere", async () => {
  const proof = await proofOf(5, 11);
  const root = (changed: Partial<InclusionProof>) => rootOf({ ...proof, ...changed }).catch(() => "refused");
  expect(await root({ leaf: btoa("forged") })).not.toBe(proof.root_hash);
  expect(await root({ path: [...proof.path].reverse() })).not.toBe(proof.root_hash);
  expect(await root({ index: 4 })).not.toBe(proof.root_hash);
  expect(await root({ path: proof.path.slice(1) })).toBe("refused");
  expect(await root({ path: [...proof.path, "00".repeat(32)] })).toBe("refused");
  expect(await root({ index: 11 })).toBe("refused");
});

const head: AuditHead = {
  organization_id: "org_1",
  tree_size: 3,
  root_hash: "aa".repeat(32),
  time: "2027-01-15T08:00:00.000000Z",
  key_id: "k1",
  signature: "",
};

test("the bytes of a head are those that the server signs", () => {
  expect(microseconds("2027-01-15T08:00:00.000001Z")).toBe(1_800_000_000_000_001n);
  expect(hex(headBytes(head))).toBe(
    "0000000000000015" +
      "6d6f64656c6f70732d747265652d686561642d7631" +
      "0000000000000005" +
      "6f72675f31" +
      "0000000000000008" +
      "0000000000000003" +
      "0000000000000020" +
      "aa".repeat(32) +
      "0000000000000008" +
      "0006651728988000" +
      "0000000000000002" +
      "6b31",
  );
});

test("a signature holds for its head and key only", async () => {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const public_key = base64(await crypto.subtle.exportKey("raw", pair.publicKey));
  const keys = [{ id: "k1", public_key, created_at: head.time }];
  const signature = base64(await crypto.subtle.sign("Ed25519", pair.privateKey, headBytes(head)));
  expect(await headIsSigned({ ...head, signature }, keys)).toBe(true);
  expect(await headIsSigned({ ...head, signature, tree_size: 4 }, keys)).toBe(false);
  expect(await headIsSigned({ ...head, signature }, [])).toBe(false);
});

test("the checks of a proof say what holds", async () => {
  const proof = await proofOf(2, 3);
  const other = { ...head, root_hash: "bb".repeat(32) };
  const checks = await checkProof({ ...proof, head: other }, []);
  expect(checks.map((check) => check.holds)).toEqual([true, false, false]);
});
