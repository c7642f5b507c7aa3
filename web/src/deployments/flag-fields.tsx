import { Field } from "@/kit/field";
import { Input } from "@/kit/input";
import { Select } from "@/kit/select";
import { type EngineFlag, wrongFlag } from "./flags";

type FlagFieldsProps = {
  flags: readonly EngineFlag[];
  value: Readonly<Record<string, string>>;
  onChange: (value: Record<string, string>) => void;
};

/** A control for each flag of an engine, by its type in the catalogue; what is left empty the engine decides. */
export function FlagFields({ flags, value, onChange }: FlagFieldsProps) {
  const set = (name: string, text: string) => {
    const { [name]: _, ...rest } = value;
    onChange(text === "" ? rest : { ...rest, [name]: text });
  };
  return (
    <details className="group rounded-md border border-line" open={Object.keys(value).length > 0}>
      <summary className="cursor-pointer rounded-md px-3 py-2 text-fg-2 hover:bg-hover">
        {Object.keys(value).length > 0 ? `${Object.keys(value).length} set` : `${flags.length} can be set`}
      </summary>
      <div className="grid gap-4 border-t border-line p-3 sm:grid-cols-2">
        {flags.map((flag) => {
          const text = value[flag.name] ?? "";
          const fixed = flag.type === "boolean" ? ["true", "false"] : flag.type === "choice" ? flag.choices : undefined;
          const unset = flag.default === undefined ? "Engine's own" : String(flag.default);
          return (
            <Field
              key={flag.name}
              label={<code className="font-mono text-xs">{flag.argument}</code>}
              hint={flag.doc}
              error={wrongFlag(flag, text)}
              button={fixed !== undefined}
            >
              {fixed ? (
                <Select
                  value={text}
                  onChange={(next) => set(flag.name, next)}
                  options={[{ value: "", label: unset }, ...fixed.map((one) => ({ value: one, label: one }))]}
                />
              ) : (
                <Input mono value={text} placeholder={unset} onChange={(event) => set(flag.name, event.target.value)} />
              )}
            </Field>
          );
        })}
      </div>
    </details>
  );
}
