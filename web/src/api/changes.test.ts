import { expect, test } from "vitest";
import { Conflict, idempotencyKeys, read, save } from "./changes";
import { Problem } from "./problem";

type Thing = { name: string };
const answer = (name: string, etag: string) =>
  Promise.resolve({ data: { name } as Thing, response: new Response(null, { headers: { ETag: etag } }) });

test("a change names what was read and brings the new tag back", async () => {
  const sent: string[] = [];
  const resource = {
    read: () => answer("old", '"1"'),
    save: (etag: string, body: Thing) => {
      sent.push(etag);
      return answer(body.name, '"2"');
    },
  };
  const { etag } = await read(resource.read);
  expect(await save(resource, etag, { name: "new" })).toEqual({ value: { name: "new" }, etag: '"2"' });
  expect(sent).toEqual(['"1"']);
});

test("a change of something outdated brings both states", async () => {
  const resource = {
    read: () => answer("theirs", '"2"'),
    save: (_etag: string, _body: Thing): ReturnType<typeof answer> => Promise.reject(new Problem(412, {})),
  };
  const conflict = (await save(resource, '"1"', { name: "mine" }).catch((error: unknown) => error)) as Conflict<
    Thing,
    Thing
  >;
  expect(conflict).toBeInstanceOf(Conflict);
  expect(conflict.mine).toEqual({ name: "mine" });
  expect(conflict.theirs).toEqual({ value: { name: "theirs" }, etag: '"2"' });
});

test("another refusal stays what it is", async () => {
  const resource = {
    read: () => answer("x", '"1"'),
    save: (_etag: string, _body: Thing): ReturnType<typeof answer> => Promise.reject(new Problem(403, {})),
  };
  await expect(save(resource, '"1"', { name: "mine" })).rejects.toMatchObject({ status: 403 });
});

test("the same body has the same key, another one another", () => {
  const key = idempotencyKeys();
  const first = key({ name: "a" });
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(key({ name: "a" })).toBe(first);
  expect(key({ name: "b" })).not.toBe(first);
});
