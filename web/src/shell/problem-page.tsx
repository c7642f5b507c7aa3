import { Link } from "@tanstack/react-router";
import { problemOf } from "@/api/problem";
import { Failure } from "@/identity/failure";
import { buttonClass } from "@/kit/button";
import { ErrorState, NotFound as NothingHere } from "@/kit/states";

/** In the place of a page that could not be shown, within the shell. */
export function ProblemPage({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <>
      <h1 className="sr-only">{problemOf(error).title}</h1>
      <Failure error={error} onRetry={onRetry} />
    </>
  );
}

/** When not even the shell could be shown: nobody is known to be signed in. */
export function PlainProblemPage({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <main>
      <h1 className="sr-only">{problemOf(error).title}</h1>
      <ErrorState error={error} onRetry={onRetry} />
    </main>
  );
}

export function NotFoundPage() {
  return (
    <>
      <h1 className="sr-only">There is no such page</h1>
      <NothingHere
        action={
          <Link to="/modelops" className={buttonClass()}>
            Go to the home page
          </Link>
        }
      />
    </>
  );
}
