import { CodeBlock } from '../../components/code-block.tsx';
import { useSite } from '../../site.ts';

/** How a program uses the same models: any OpenAI client, another base address. */
export function ApiLines() {
  const { relay, base } = useSite();
  const model = relay.bootstrap.value?.catalog[0]?.id ?? 'smollm2-135m-instruct';
  const curl = [
    `curl ${base}/v1/chat/completions -H 'content-type: application/json' \\`,
    `  -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'`,
  ].join('\n');
  const openai = [
    `const client = new OpenAI({ baseURL: '${base}/v1', apiKey: 'none' });`,
    `await client.chat.completions.create({ model: '${model}', messages: [{ role: 'user', content: 'Hello' }] });`,
  ].join('\n');
  return (
    <section aria-labelledby="api">
      <h2 id="api">From your own code</h2>
      <p class="soft lead">The relay speaks OpenAI’s API. Two lines with curl, or with the openai package:</p>
      <div class="api">
        <CodeBlock code={curl} language="curl" />
        <CodeBlock code={openai} language="openai package" />
      </div>
    </section>
  );
}
