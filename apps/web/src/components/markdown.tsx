import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { BlockStream } from '../markdown/block-stream.ts';
import { renderBlock } from '../markdown/render.ts';
import { CodeBlock } from './code-block.tsx';
import type { Token } from 'marked';
import type { MarkdownBlock } from '../markdown/block-stream.ts';

/** Markdown that may still be growing: only the block that changed is drawn again. */
export function Markdown({ text }: { text: string }) {
  const stream = useMemo(() => new BlockStream(), []);
  return (
    <>
      {stream.update(text).map((block) => (
        <Block key={block.offset} block={block} />
      ))}
    </>
  );
}

function Block({ block: { token } }: { block: MarkdownBlock }) {
  if (token.type === 'code')
    return <CodeBlock code={token.text as string} language={(token.lang as string | undefined) ?? ''} />;
  return <Html token={token} scrolls={token.type === 'table'} />;
}

function Html({ token, scrolls }: { token: Token; scrolls: boolean }) {
  const host = useRef<HTMLDivElement>(null);
  // The same text is the same nodes: a finished block is left alone while later ones grow.
  useLayoutEffect(() => {
    host.current?.replaceChildren(renderBlock(token));
  }, [token.raw]);
  return scrolls ? (
    <div class="table-scroll" ref={host} tabIndex={0} role="region" aria-label="Table" />
  ) : (
    <div class="markdown-block" ref={host} />
  );
}
