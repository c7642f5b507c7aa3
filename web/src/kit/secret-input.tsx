import { Eye, EyeOff } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { Input } from "@/kit/input";

type SecretInputProps = ComponentProps<typeof Input> & {
  /** The server has one already, which it never shows; typing replaces it. */
  stored?: boolean;
};

/** Something secret: hidden until it is asked for, and kept out of the browser's memory of forms. */
export function SecretInput({ stored = false, placeholder, ...props }: SecretInputProps) {
  const [shown, setShown] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  return (
    <div className="relative">
      <Input
        {...props}
        mono
        type={shown ? "text" : "password"}
        autoComplete="new-password"
        placeholder={placeholder ?? (stored ? "Stored. Type to replace it." : undefined)}
        className="pr-9"
      />
      <button
        type="button"
        aria-label={shown ? "Hide" : "Show"}
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
        className="absolute top-1 right-1 grid size-6 place-items-center rounded-sm text-fg-3 hover:text-fg"
      >
        <Icon aria-hidden className="size-4" />
      </button>
    </div>
  );
}
