import { CopyButton } from './copy-button.tsx';

/** Code with its language and a button that copies it. */
export function CodeBlock({ code, language }: { code: string; language: string }) {
  return (
    <div class="code">
      <div class="code-head">
        <span>{language || 'text'}</span>
        <CopyButton text={() => code} label={`Copy the ${language || 'text'} code`} words />
      </div>
      {/* Focusable, so that the keyboard can scroll long lines. */}
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </div>
  );
}
