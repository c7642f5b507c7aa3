import { useSession } from "@/identity/session";
import { Dialog } from "@/kit/dialog";
import { Kbd } from "@/kit/kbd";
import { shortcutGroups } from "./shortcuts";

export default function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const { may } = useSession();
  return (
    <Dialog open onClose={onClose} title="Keyboard shortcuts">
      <div className="grid gap-5">
        {shortcutGroups(may).map((group) => (
          <section key={group.name}>
            <h3 className="eyebrow pb-1">{group.name}</h3>
            <dl className="grid gap-1">
              {group.shortcuts.map((shortcut) => (
                <div key={shortcut.label} className="flex items-center justify-between gap-4">
                  <dt>{shortcut.label}</dt>
                  <dd className="flex gap-2">
                    {shortcut.keys.map((keys) => (
                      <Kbd key={keys} keys={keys} />
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
