import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { foldGutter, foldKeymap, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import type { CodeLanguage } from "@/kit/code-view";

const mono = "'Geist Mono Variable', ui-monospace, monospace";
const look = EditorView.theme({
  "&": { backgroundColor: "transparent", color: "var(--fg)", fontSize: "12px", maxHeight: "40rem" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px", borderRadius: "8px" },
  ".cm-scroller": { fontFamily: mono, lineHeight: "20px", overflow: "auto" },
  ".cm-content": { padding: "12px 0", caretColor: "var(--fg)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--fg-3)", border: "none", paddingLeft: "8px" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground, ::selection": {
    backgroundColor: "color-mix(in oklch, var(--accent) 28%, transparent)",
  },
  ".cm-foldPlaceholder": { backgroundColor: "var(--hover)", border: "none", color: "var(--fg-2)", padding: "0 4px" },
  ".cm-searchMatch": { backgroundColor: "color-mix(in oklch, var(--warn) 40%, transparent)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--warn)", color: "black" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--fg)", fontFamily: "'Geist Variable', sans-serif" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-panel.cm-search": { padding: "8px 12px", fontSize: "12px" },
  ".cm-panel.cm-search label": { fontSize: "12px", color: "var(--fg-2)" },
  ".cm-panel.cm-search [name=close]": { color: "var(--fg-2)", fontSize: "16px" },
  ".cm-textfield, .cm-button": { fontSize: "12px" },
  ".cm-textfield": { backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)", borderRadius: "4px" },
  ".cm-button": {
    backgroundImage: "none",
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line-strong)",
    borderRadius: "4px",
    color: "var(--fg)",
  },
});
const colors = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--run-fg)" },
  { tag: tags.string, color: "var(--ok-fg)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--wait-fg)" },
  { tag: [tags.comment, tags.punctuation, tags.separator], color: "var(--fg-3)" },
]);
const languages = { yaml, json };

/** CodeMirror, read-only: loaded only where there is something to read. */
export default function CodeEditor({
  label,
  value,
  language,
}: {
  label: string;
  value: string;
  language: CodeLanguage;
}) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // In a shadow root its styles are adopted sheets; in the document they would be a <style>, which our CSP refuses.
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: "open" });
    const view = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(),
          foldGutter(),
          languages[language](),
          syntaxHighlighting(colors),
          look,
          search(),
          keymap.of([...searchKeymap, ...foldKeymap]),
          EditorState.readOnly.of(true),
          EditorView.contentAttributes.of({ "aria-label": label, "aria-readonly": "true", tabindex: "0" }),
        ],
      }),
    });
    return () => view.destroy();
  }, [value, language, label]);
  return <div ref={host} />;
}
