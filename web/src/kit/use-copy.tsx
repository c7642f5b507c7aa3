import { useEffect, useState } from "react";

/** Copies text to the clipboard; `copied` holds for a moment afterwards. Draw `said` beside the button: it is read out. */
export function useCopy() {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1200);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async (text: string) => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  const said = (
    <span role="status" className="sr-only">
      {copied ? "Copied" : ""}
    </span>
  );
  return { copied, copy, said };
}
