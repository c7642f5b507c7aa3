import { Popover } from "@base-ui/react/popover";
import { ListTodo } from "lucide-react";
import { $api } from "@/api/queries";
import { Failure } from "@/identity/failure";
import { useSession } from "@/identity/session";
import { buttonClass } from "@/kit/button";
import { popupClass } from "@/kit/popup";
import { cx } from "@/lib/cx";
import { plural } from "@/lib/format";
import { OperationRow } from "./operation-row";
import { byActor, isRunning, pollWhileRunning, recent } from "./operations";
import type { Early } from "./popup-button";

/** The long work that I began. It is read from the server, so that it survives a reload. */
export default function JobTray({ early }: { early: Early }) {
  const { actor_id, may } = useSession();
  const query = $api.useQuery(
    "get",
    "/api/v1/operations",
    { params: { query: { filter: byActor(actor_id), page_size: 20 } } },
    { enabled: may("operations:read"), refetchInterval: ({ state }) => pollWhileRunning(state.data?.items) },
  );
  const mine = recent(query.data?.items ?? [], Date.now());
  const running = mine.filter(isRunning).length;
  return (
    <Popover.Root defaultOpen={early.pressed}>
      <Popover.Trigger autoFocus={early.focused} className={buttonClass("ghost", "icon", "relative")}>
        <ListTodo aria-hidden className="size-4" strokeWidth={1.75} />
        <span className="sr-only">Your jobs: {running === 0 ? "none is running" : `${running} running`}</span>
        {running > 0 && (
          <span
            aria-hidden
            className="tnum absolute top-0.5 right-0.5 grid h-3.5 min-w-3.5 place-items-center rounded-full bg-run px-0.5 text-[0.625rem] leading-none font-semibold text-white dark:text-black"
          >
            {running}
          </span>
        )}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="end" className="z-50">
          <Popover.Popup className={cx(popupClass, "w-96 max-w-[calc(100vw-1rem)] p-0")}>
            <Popover.Title className="border-b border-line px-4 py-2.5 text-sm font-medium">Your jobs</Popover.Title>
            {query.error && !query.data ? (
              <Failure error={query.error} title="Your jobs could not be loaded" onRetry={() => void query.refetch()} />
            ) : mine.length === 0 ? (
              <p className="px-4 py-6 text-center text-fg-2">
                What you begin and takes a while is shown here, with its progress: the analysis of a model, for example.
              </p>
            ) : (
              // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it
              <ul tabIndex={0} className="max-h-96 overflow-y-auto" aria-label={plural(mine.length, "job")}>
                {mine.map((operation) => (
                  <OperationRow key={operation.id} operation={operation} />
                ))}
              </ul>
            )}
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
