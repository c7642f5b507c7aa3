import { Link } from "@tanstack/react-router";
import { useSession } from "@/identity/session";
import { buttonClass } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { actions, allowed } from "@/shell/navigation";

const steps = [
  ["Register a model", "Drop its files. They are analysed without being run, and you see what was found."],
  ["Create a version and have it approved", "A version never changes. Somebody else decides on it."],
  ["Deploy it to a target", "You watch it become healthy, and try it in the page."],
] as const;

/** Before anything is registered: the way to the first answer of a model. */
export function FirstRun() {
  const { may } = useSession();
  const register = allowed(actions, may).find((action) => action.name === "register-model");
  return (
    <Card aria-label="First steps">
      <CardHead title="From a file to an answer" />
      <ol className="grid gap-4 p-4">
        {steps.map(([title, text], i) => (
          <li key={title} className="flex gap-3">
            <span
              aria-hidden
              className="tnum grid size-6 shrink-0 place-items-center rounded-full border border-line-strong text-xs"
            >
              {i + 1}
            </span>
            <span className="min-w-0">
              <span className="block font-medium">{title}</span>
              <span className="block text-fg-2">{text}</span>
            </span>
          </li>
        ))}
      </ol>
      {register && (
        <div className="border-t border-line p-4">
          <Link {...register.link} className={buttonClass("primary")}>
            <register.icon aria-hidden className="size-4" />
            {register.label}
          </Link>
        </div>
      )}
      {!may("models:write") && (
        <p className="border-t border-line p-4 text-fg-2">
          Models are registered by people whose role has the permission models:write.
        </p>
      )}
    </Card>
  );
}
