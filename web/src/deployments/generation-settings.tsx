import { Popover } from "@base-ui/react/popover";
import { SlidersHorizontal } from "lucide-react";
import { buttonClass } from "@/kit/button";
import { Field } from "@/kit/field";
import { Textarea } from "@/kit/input";
import { NumberField } from "@/kit/number-field";
import { popupClass } from "@/kit/popup";
import { cx } from "@/lib/cx";
import type { Settings } from "./completion";

type SettingsProps = { settings: Settings; onChange: (settings: Settings) => void; system?: boolean };

/** How answers are generated; empty fields leave it to the engine. */
export function GenerationSettings({ settings, onChange, system = false }: SettingsProps) {
  return (
    <Popover.Root>
      <Popover.Trigger className={buttonClass("secondary")}>
        <SlidersHorizontal aria-hidden className="size-4" />
        Settings
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end" className="z-60 outline-none">
          <Popover.Popup className={cx(popupClass, "grid w-[min(22rem,calc(100vw-2rem))] gap-3 p-4")}>
            <Popover.Title className="font-medium">Settings</Popover.Title>
            {system && (
              <Field label="System prompt" optional hint="Told to the model before the conversation.">
                <Textarea
                  rows={4}
                  value={settings.system}
                  onChange={(event) => onChange({ ...settings, system: event.target.value })}
                />
              </Field>
            )}
            <div className="grid grid-cols-2 gap-3">
              <Field label="Temperature" hint="Empty: the engine's own">
                <NumberField
                  className="min-w-0"
                  value={settings.temperature}
                  onChange={(temperature) => onChange({ ...settings, temperature })}
                  min={0}
                  max={2}
                  step={0.1}
                />
              </Field>
              <Field label="Max tokens" hint="Of one answer">
                <NumberField
                  className="min-w-0"
                  value={settings.max_tokens}
                  onChange={(max_tokens) => onChange({ ...settings, max_tokens })}
                  min={1}
                  max={1_000_000}
                />
              </Field>
            </div>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
