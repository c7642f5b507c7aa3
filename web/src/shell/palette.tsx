import { Autocomplete } from "@base-ui/react/autocomplete";
import { Dialog } from "@base-ui/react/dialog";
import { useNavigate } from "@tanstack/react-router";
import { Boxes, type LucideIcon, Moon, Rocket, Search } from "lucide-react";
import { useEffect, useState } from "react";
import { contains, or } from "@/api/filter";
import { $api } from "@/api/queries";
import { useSession } from "@/identity/session";
import { Kbd } from "@/kit/kbd";
import { itemClass } from "@/kit/popup";
import { cx } from "@/lib/cx";
import { getTheme, setTheme } from "@/lib/theme";
import { actions, allowed, destinations } from "./navigation";
import { objectLink } from "./object-link";

type Item = { value: string; label: string; hint?: string; icon: LucideIcon; keys?: string; run: () => void };
type Group = { value: string; items: Item[] };

/** Whether every word that was typed stands in the item. */
export const matches = (item: Pick<Item, "label" | "hint">, typed: string) => {
  const text = `${item.label} ${item.hint ?? ""}`.toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
};

const found_max = 6;

/** The value once it has not changed for a moment. */
function useSettled(value: string, delay_ms: number): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), delay_ms);
    return () => clearTimeout(timer);
  }, [value, delay_ms]);
  return settled;
}

/** Actions, pages, and the objects that the API finds. */
function useGroups(typed: string): { groups: Group[]; searching: boolean } {
  const { may } = useSession();
  const navigate = useNavigate();
  const text = typed.trim();
  const asked = useSettled(text, 150);
  const row = (
    item: { label: string; icon: LucideIcon; keys?: string; link: { to: string } },
    hint?: string,
  ): Item => ({
    value: item.link.to,
    label: item.label,
    icon: item.icon,
    keys: item.keys,
    hint,
    run: () => void navigate(item.link),
  });
  const query = (filter: string | undefined) => ({ params: { query: { filter, page_size: found_max } } });
  const models = $api.useQuery(
    "get",
    "/api/v1/models",
    query(asked ? or(contains("name", asked), contains("display_name", asked)) : undefined),
    { enabled: asked !== "" && may("models:read") && !!objectLink("model", "x") },
  );
  const deployments = $api.useQuery("get", "/api/v1/deployments", query(asked ? contains("name", asked) : undefined), {
    enabled: asked !== "" && may("deployments:read") && !!objectLink("deployment", "x"),
  });
  const object = (kind: string, icon: LucideIcon, name: string, label: string, hint: string): Item[] => {
    const link = objectLink(kind, name);
    return link ? [{ value: `${kind}/${name}`, label, hint, icon, run: () => void navigate(link) }] : [];
  };
  const theme: Item = {
    value: "theme",
    label: "Change the theme",
    icon: Moon,
    keys: "T",
    run: () => setTheme(getTheme() === "dark" ? "light" : "dark"),
  };
  const groups: Group[] = [
    {
      value: "Actions",
      items: [...allowed(actions, may).map((action) => row(action)), theme].filter((item) => matches(item, text)),
    },
    {
      value: "Go to",
      items: allowed(destinations, may)
        .map((page) => row(page, page.group || undefined))
        .filter((item) => matches(item, text)),
    },
    {
      value: "Models",
      items: (models.data?.items ?? []).flatMap((model) =>
        object("model", Boxes, model.name, model.display_name || model.name, model.name),
      ),
    },
    {
      value: "Deployments",
      items: (deployments.data?.items ?? []).flatMap((deployment) =>
        object(
          "deployment",
          Rocket,
          deployment.name,
          deployment.name,
          `${deployment.model} · ${deployment.environment}`,
        ),
      ),
    },
  ];
  return {
    groups: groups.filter((group) => group.items.length > 0),
    searching: asked !== text || models.isFetching || deployments.isFetching,
  };
}

export default function Palette({ onClose }: { onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const { groups, searching } = useGroups(typed);
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/25 dark:bg-black/55" />
        <Dialog.Viewport className="fixed inset-0 z-50 flex items-start justify-center px-3 pt-[12vh]">
          <Dialog.Popup
            aria-label="Command palette"
            className="flex max-h-[min(30rem,70vh)] w-full max-w-xl flex-col overflow-hidden rounded-xl bg-surface shadow-pop outline-none"
          >
            <Autocomplete.Root
              open
              inline
              items={groups}
              filter={null}
              value={typed}
              onValueChange={setTyped}
              autoHighlight="always"
              keepHighlight
              itemToStringValue={(item: Item) => item.label}
            >
              <div className="flex items-center gap-2.5 border-b border-line px-4">
                <Search aria-hidden className="size-4 text-fg-3" />
                <Autocomplete.Input
                  aria-label="Search commands, pages, models and deployments"
                  placeholder="Search commands, pages, models and deployments"
                  className="h-12 min-w-0 flex-1 bg-transparent text-base outline-none placeholder:text-fg-3"
                />
                <Dialog.Close className="rounded-sm" aria-label="Close, Esc">
                  <Kbd keys="Esc" />
                </Dialog.Close>
              </div>
              <Autocomplete.Empty>
                <div className="px-4 py-8 text-center text-fg-3">
                  {searching ? "Searching" : "No command, page, model or deployment matches."}
                </div>
              </Autocomplete.Empty>
              <Autocomplete.List className="min-h-0 flex-1 overflow-y-auto p-1.5">
                {(group: Group) => (
                  <Autocomplete.Group key={group.value} items={group.items} className="not-last:mb-1.5">
                    <Autocomplete.GroupLabel className="eyebrow px-2 py-1">{group.value}</Autocomplete.GroupLabel>
                    <Autocomplete.Collection>
                      {(item: Item) => (
                        <Autocomplete.Item
                          key={item.value}
                          value={item}
                          onClick={() => {
                            onClose();
                            item.run();
                          }}
                          className={cx(itemClass, "min-h-8.5")}
                        >
                          <item.icon aria-hidden className="size-4 shrink-0 text-fg-3" strokeWidth={1.75} />
                          <span className="truncate">{item.label}</span>
                          {item.hint && <span className="truncate text-xs text-fg-3">{item.hint}</span>}
                          {item.keys && <Kbd keys={item.keys} className="ml-auto" />}
                        </Autocomplete.Item>
                      )}
                    </Autocomplete.Collection>
                  </Autocomplete.Group>
                )}
              </Autocomplete.List>
            </Autocomplete.Root>
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
