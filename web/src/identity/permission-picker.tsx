import { Checkbox } from "@/kit/checkbox";
import { covers } from "./failure";

type PermissionPickerProps = {
  /** Every permission there is: "models:read". */
  all: readonly string[];
  /** Those chosen; patterns such as "models:*" count for what they cover. */
  value: readonly string[];
  onChange: (value: string[]) => void;
};

/** Groups permissions by their noun, in the order they come. */
export function byNoun(all: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const permission of all) {
    const noun = permission.split(":")[0]!;
    groups.set(noun, [...(groups.get(noun) ?? []), permission]);
  }
  return groups;
}

/** What is chosen after one permission was switched: patterns that covered it give way to the rest they stood for. */
export function toggled(all: readonly string[], value: readonly string[], permission: string, on: boolean): string[] {
  if (on) return [...value, permission];
  const covering = value.filter((pattern) => covers(pattern, permission));
  const kept = value.filter((pattern) => !covering.includes(pattern));
  const rest = all.filter(
    (other) =>
      other !== permission &&
      covering.some((pattern) => covers(pattern, other)) &&
      !kept.some((pattern) => covers(pattern, other)),
  );
  return [...kept, ...rest];
}

const words = (noun: string) => noun.charAt(0).toUpperCase() + noun.slice(1).replaceAll("_", " ");

/** A check box for each permission, and one for each noun's all. */
export function PermissionPicker({ all, value, onChange }: PermissionPickerProps) {
  const chosen = (permission: string) => value.some((pattern) => covers(pattern, permission));
  return (
    <div className="grid max-h-[45vh] gap-x-6 gap-y-4 overflow-y-auto rounded-md border border-line p-3 sm:grid-cols-2">
      {[...byNoun(all)].map(([noun, permissions]) => {
        const some = permissions.filter(chosen).length;
        return (
          <div key={noun} className="grid content-start gap-1.5">
            <Checkbox
              label={words(noun)}
              checked={some === permissions.length}
              mixed={some > 0 && some < permissions.length}
              onChange={(on) => {
                const rest = permissions.reduce(
                  (now, one) => (chosen(one) ? toggled(all, now, one, false) : now),
                  [...value],
                );
                onChange(on ? [...rest, `${noun}:*`] : rest);
              }}
            />
            <div className="grid gap-1.5 pl-6.5">
              {permissions.map((permission) => (
                <Checkbox
                  key={permission}
                  label={permission}
                  checked={chosen(permission)}
                  onChange={(on) => onChange(toggled(all, value, permission, on))}
                />
              ))}
            </div>
          </div>
        );
      })}
    </div>
  );
}
