import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { Problem } from "./problem";

/** A resource as it was read, with the tag that a change of it has to name. */
export type Versioned<T> = { value: T; etag: string };

type Answer<T> = Promise<{ data?: T; response: Response }>;

/** Reads a resource together with its ETag: `read(() => api.GET("/api/v1/models/{model}", …))`. */
export async function read<T>(get: () => Answer<T>): Promise<Versioned<T>> {
  const { data, response } = await get();
  const etag = response.headers.get("ETag");
  if (data === undefined || !etag) throw new TypeError(`${response.url} has no ETag`);
  return { value: data, etag };
}

/** Somebody changed the resource between our reading and our saving: both are here, to be compared. */
export class Conflict<T, B> extends Error {
  override readonly name = "Conflict";
  readonly theirs: Versioned<T>;
  readonly mine: B;

  constructor(theirs: Versioned<T>, mine: B) {
    super("Somebody else changed this while you did. Compare, then save again or take over what they saved.");
    this.theirs = theirs;
    this.mine = mine;
  }
}

/** How one resource is read and changed. */
export type Resource<T, B> = {
  read: () => Answer<T>;
  save: (etag: string, body: B) => Answer<T>;
};

/** Saves a change of what was read with this tag. Throws a Conflict when that is not the present state any more. */
export async function save<T, B>(resource: Resource<T, B>, etag: string, body: B): Promise<Versioned<T>> {
  try {
    return await read(() => resource.save(etag, body));
  } catch (error) {
    if (!(error instanceof Problem && error.status === 412)) throw error;
    throw new Conflict(await read(resource.read), body);
  }
}

/** What is edited, with its tag. `key` begins as the keys of `$api` do, so that events refresh it: see queries.ts. */
export function useVersioned<T>(key: readonly unknown[], get: () => Answer<T>) {
  return useQuery({ queryKey: [...key, "versioned"], queryFn: () => read(get) });
}

/** A key of 128 bits for the header Idempotency-Key. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Gives the same key for the same body, so that a repeated click or a retry is done once, and another for another. */
export function idempotencyKeys(): (body: unknown) => string {
  let last: { text: string; key: string } | undefined;
  return (body) => {
    const text = JSON.stringify(body) ?? "";
    if (last?.text !== text) last = { text, key: newIdempotencyKey() };
    return last.key;
  };
}

/** For wizards: `headers: { "Idempotency-Key": key(body) }`. */
export function useIdempotencyKey(): (body: unknown) => string {
  const keys = useRef<(body: unknown) => string>(null);
  keys.current ??= idempotencyKeys();
  return keys.current;
}
