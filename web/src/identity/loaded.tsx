import type { ReactNode } from "react";
import { Loading } from "@/kit/states";
import { Failure } from "./failure";

type LoadedProps<T> = {
  query: { data: T | undefined; error: unknown; refetch: () => unknown };
  /** "The roles": they load, or could not be loaded. */
  what: string;
  /** What there is none of, when it is one thing that was looked for: "model". */
  one?: string;
  lines?: number;
  /** Left out where what is there is shown in another way. */
  children?: (data: T) => ReactNode;
};

/** What was read, as soon as it is there; until then that it loads, or why it does not. Later failures keep it. */
export function Loaded<T>({ query, what, one, lines, children }: LoadedProps<T>) {
  if (query.data !== undefined) return children?.(query.data);
  if (!query.error) return <Loading label={`${what}: loading`} lines={lines} />;
  return (
    <Failure
      error={query.error}
      what={one}
      title={`${what} could not be loaded`}
      onRetry={() => void query.refetch()}
    />
  );
}
